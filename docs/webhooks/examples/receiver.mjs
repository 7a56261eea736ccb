// Receives webhooks of Switchboard with nothing but Node: WEBHOOK_SECRET=whsec_… node receiver.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const TOLERANCE = 300; // seconds: older requests may be replayed by somebody who listened

function verify(headers, body) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"];
  if (!id || !(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE)) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // During a rotation there are two signatures, separated by a space.
  return (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const [version, value] = signature.split(",");
    const given = Buffer.from(value ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks); // verify the bytes, not JSON that was parsed and written anew
    if (!verify(request.headers, body)) return response.writeHead(401).end();
    const event = JSON.parse(body);
    // Remember event.id: the same event may come twice, always with the same id.
    console.log(event.seq, event.type, event.id);
    return response.writeHead(204).end();
  });
}).listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
