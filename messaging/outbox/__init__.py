"""Messages that apps ask us to send, from the request until WhatsApp has them or refused them.

requests, fields, recipients, pacing, sniffing    pure: what may be asked for, and when it goes
orders                  put into the queue, take back
downloads, fetching, files, pictures, voice       files: got, examined, converted, kept
ledger, courier, dispatcher                       the turns of the pipeline: one message a step
settling, merging, ties                           how a message comes to its end
"""

from .settling import claim_echo, claim_receipt, settle

__all__ = ["claim_echo", "claim_receipt", "settle"]
