"""The table of fields: which numbers WhatsApp's messages use, by the names of its own definitions.

Source: WAWebProtobufsE2E.proto, WAWebProtobufsHistorySync.proto, WAWebProtobufsWeb.proto and
WACommon.proto as neonize 0.5.2 bundles them (tests/unit/sandbox/test_contents.py compares). Only
what virtual phones say or show is listed; unknown fields are skipped when reading.
"""

from dataclasses import dataclass

TEXT, DATA, NUMBER, FLAG, DOUBLE = "text", "data", "number", "flag", "double"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind` is one of the scalars above, or the name of a shape."""

    number: int
    kind: str
    repeated: bool = False


Shape = dict[str, Field]


def _shape(**fields: tuple[int, str] | tuple[int, str, bool]) -> Shape:
    return {name: Field(*field) for name, field in fields.items()}


_MANY = True

SHAPES: dict[str, Shape] = {
    "Message": _shape(
        conversation=(1, TEXT),
        senderKeyDistributionMessage=(2, "SenderKeyDistributionMessage"),
        imageMessage=(3, "ImageMessage"),
        contactMessage=(4, "ContactMessage"),
        locationMessage=(5, "LocationMessage"),
        extendedTextMessage=(6, "ExtendedTextMessage"),
        documentMessage=(7, "DocumentMessage"),
        audioMessage=(8, "AudioMessage"),
        videoMessage=(9, "VideoMessage"),
        protocolMessage=(12, "ProtocolMessage"),
        contactsArrayMessage=(13, "ContactsArrayMessage"),
        liveLocationMessage=(18, "LiveLocationMessage"),
        stickerMessage=(26, "StickerMessage"),
        groupInviteMessage=(28, "GroupInviteMessage"),
        deviceSentMessage=(31, "DeviceSentMessage"),
        messageContextInfo=(35, "MessageContextInfo"),
        viewOnceMessage=(37, "FutureProofMessage"),
        ephemeralMessage=(40, "FutureProofMessage"),
        reactionMessage=(46, "ReactionMessage"),
        pollCreationMessage=(49, "PollCreationMessage"),
        pollUpdateMessage=(50, "PollUpdateMessage"),
        documentWithCaptionMessage=(53, "FutureProofMessage"),
        viewOnceMessageV2=(55, "FutureProofMessage"),
        editedMessage=(58, "FutureProofMessage"),
        viewOnceMessageV2Extension=(59, "FutureProofMessage"),
        pollCreationMessageV2=(60, "PollCreationMessage"),
        pollCreationMessageV3=(64, "PollCreationMessage"),
        ptvMessage=(66, "VideoMessage"),
        pollCreationMessageV5=(111, "PollCreationMessage"),
    ),
    "SenderKeyDistributionMessage": _shape(
        groupID=(1, TEXT), axolotlSenderKeyDistributionMessage=(2, DATA)
    ),
    "ImageMessage": _shape(
        URL=(1, TEXT),
        mimetype=(2, TEXT),
        caption=(3, TEXT),
        fileSHA256=(4, DATA),
        fileLength=(5, NUMBER),
        height=(6, NUMBER),
        width=(7, NUMBER),
        mediaKey=(8, DATA),
        fileEncSHA256=(9, DATA),
        directPath=(11, TEXT),
        mediaKeyTimestamp=(12, NUMBER),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
        viewOnce=(25, FLAG),
    ),
    "VideoMessage": _shape(
        URL=(1, TEXT),
        mimetype=(2, TEXT),
        fileSHA256=(3, DATA),
        fileLength=(4, NUMBER),
        seconds=(5, NUMBER),
        mediaKey=(6, DATA),
        caption=(7, TEXT),
        gifPlayback=(8, FLAG),
        height=(9, NUMBER),
        width=(10, NUMBER),
        fileEncSHA256=(11, DATA),
        directPath=(13, TEXT),
        mediaKeyTimestamp=(14, NUMBER),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
        viewOnce=(20, FLAG),
    ),
    "AudioMessage": _shape(
        URL=(1, TEXT),
        mimetype=(2, TEXT),
        fileSHA256=(3, DATA),
        fileLength=(4, NUMBER),
        seconds=(5, NUMBER),
        PTT=(6, FLAG),
        mediaKey=(7, DATA),
        fileEncSHA256=(8, DATA),
        directPath=(9, TEXT),
        mediaKeyTimestamp=(10, NUMBER),
        contextInfo=(17, "ContextInfo"),
        waveform=(19, DATA),
        viewOnce=(21, FLAG),
    ),
    "DocumentMessage": _shape(
        URL=(1, TEXT),
        mimetype=(2, TEXT),
        title=(3, TEXT),
        fileSHA256=(4, DATA),
        fileLength=(5, NUMBER),
        pageCount=(6, NUMBER),
        mediaKey=(7, DATA),
        fileName=(8, TEXT),
        fileEncSHA256=(9, DATA),
        directPath=(10, TEXT),
        mediaKeyTimestamp=(11, NUMBER),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
        caption=(20, TEXT),
    ),
    "StickerMessage": _shape(
        URL=(1, TEXT),
        fileSHA256=(2, DATA),
        fileEncSHA256=(3, DATA),
        mediaKey=(4, DATA),
        mimetype=(5, TEXT),
        height=(6, NUMBER),
        width=(7, NUMBER),
        directPath=(8, TEXT),
        fileLength=(9, NUMBER),
        mediaKeyTimestamp=(10, NUMBER),
        isAnimated=(13, FLAG),
        pngThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
        isLottie=(21, FLAG),
    ),
    "LocationMessage": _shape(
        degreesLatitude=(1, DOUBLE),
        degreesLongitude=(2, DOUBLE),
        name=(3, TEXT),
        address=(4, TEXT),
        URL=(5, TEXT),
        isLive=(6, FLAG),
        accuracyInMeters=(7, NUMBER),
        comment=(11, TEXT),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
    ),
    "LiveLocationMessage": _shape(
        degreesLatitude=(1, DOUBLE),
        degreesLongitude=(2, DOUBLE),
        accuracyInMeters=(3, NUMBER),
        caption=(6, TEXT),
        sequenceNumber=(7, NUMBER),
        timeOffset=(8, NUMBER),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
    ),
    "ContactMessage": _shape(
        displayName=(1, TEXT), vcard=(16, TEXT), contextInfo=(17, "ContextInfo")
    ),
    "ContactsArrayMessage": _shape(
        displayName=(1, TEXT),
        contacts=(2, "ContactMessage", _MANY),
        contextInfo=(17, "ContextInfo"),
    ),
    "ExtendedTextMessage": _shape(
        text=(1, TEXT),
        matchedText=(2, TEXT),
        description=(5, TEXT),
        title=(6, TEXT),
        JPEGThumbnail=(16, DATA),
        contextInfo=(17, "ContextInfo"),
    ),
    "GroupInviteMessage": _shape(
        groupJID=(1, TEXT),
        inviteCode=(2, TEXT),
        inviteExpiration=(3, NUMBER),
        groupName=(4, TEXT),
        JPEGThumbnail=(5, DATA),
        caption=(6, TEXT),
        contextInfo=(7, "ContextInfo"),
    ),
    "ReactionMessage": _shape(
        key=(1, "MessageKey"), text=(2, TEXT), groupingKey=(3, TEXT), senderTimestampMS=(4, NUMBER)
    ),
    "PollCreationMessage": _shape(
        encKey=(1, DATA),
        name=(2, TEXT),
        options=(3, "PollCreationMessage.Option", _MANY),
        selectableOptionsCount=(4, NUMBER),
        contextInfo=(5, "ContextInfo"),
    ),
    "PollCreationMessage.Option": _shape(optionName=(1, TEXT), optionHash=(2, TEXT)),
    "PollUpdateMessage": _shape(
        pollCreationMessageKey=(1, "MessageKey"),
        vote=(2, "PollEncValue"),
        senderTimestampMS=(4, NUMBER),
    ),
    "PollEncValue": _shape(encPayload=(1, DATA), encIV=(2, DATA)),
    "PollVoteMessage": _shape(selectedOptions=(1, DATA, _MANY)),
    "ProtocolMessage": _shape(
        key=(1, "MessageKey"),
        type=(2, NUMBER),
        ephemeralExpiration=(4, NUMBER),
        ephemeralSettingTimestamp=(5, NUMBER),
        historySyncNotification=(6, "HistorySyncNotification"),
        editedMessage=(14, "Message"),
        timestampMS=(15, NUMBER),
        peerDataOperationRequestMessage=(16, "PeerDataOperationRequestMessage"),
        peerDataOperationRequestResponseMessage=(17, "PeerDataOperationRequestResponseMessage"),
    ),
    "PeerDataOperationRequestMessage": _shape(
        peerDataOperationRequestType=(1, NUMBER),
        historySyncOnDemandRequest=(
            4,
            "PeerDataOperationRequestMessage.HistorySyncOnDemandRequest",
        ),
        placeholderMessageResendRequest=(
            5,
            "PeerDataOperationRequestMessage.PlaceholderMessageResendRequest",
            _MANY,
        ),
    ),
    "PeerDataOperationRequestMessage.HistorySyncOnDemandRequest": _shape(
        chatJID=(1, TEXT),
        oldestMsgID=(2, TEXT),
        oldestMsgFromMe=(3, FLAG),
        onDemandMsgCount=(4, NUMBER),
        oldestMsgTimestampMS=(5, NUMBER),
    ),
    "PeerDataOperationRequestMessage.PlaceholderMessageResendRequest": _shape(
        messageKey=(1, "MessageKey")
    ),
    "PeerDataOperationRequestResponseMessage": _shape(
        peerDataOperationRequestType=(1, NUMBER),
        stanzaID=(2, TEXT),
        peerDataOperationResult=(
            3,
            "PeerDataOperationRequestResponseMessage.PeerDataOperationResult",
            _MANY,
        ),
    ),
    "PeerDataOperationRequestResponseMessage.PeerDataOperationResult": _shape(
        placeholderMessageResendResponse=(
            4,
            "PeerDataOperationRequestResponseMessage.PeerDataOperationResult"
            ".PlaceholderMessageResendResponse",
        )
    ),
    "PeerDataOperationRequestResponseMessage.PeerDataOperationResult"
    ".PlaceholderMessageResendResponse": _shape(webMessageInfoBytes=(1, DATA)),
    "HistorySyncNotification": _shape(
        fileSHA256=(1, DATA),
        fileLength=(2, NUMBER),
        mediaKey=(3, DATA),
        fileEncSHA256=(4, DATA),
        directPath=(5, TEXT),
        syncType=(6, NUMBER),
        chunkOrder=(7, NUMBER),
        progress=(9, NUMBER),
    ),
    "ContextInfo": _shape(
        stanzaID=(1, TEXT),
        participant=(2, TEXT),
        quotedMessage=(3, "Message"),
        remoteJID=(4, TEXT),
        mentionedJID=(15, TEXT, _MANY),
        forwardingScore=(21, NUMBER),
        isForwarded=(22, FLAG),
        expiration=(25, NUMBER),
        ephemeralSettingTimestamp=(26, NUMBER),
    ),
    "FutureProofMessage": _shape(message=(1, "Message")),
    "MessageContextInfo": _shape(messageSecret=(3, DATA)),
    "DeviceSentMessage": _shape(destinationJID=(1, TEXT), message=(2, "Message"), phash=(3, TEXT)),
    "MessageKey": _shape(
        remoteJID=(1, TEXT), fromMe=(2, FLAG), ID=(3, TEXT), participant=(4, TEXT)
    ),
    "WebMessageInfo": _shape(
        key=(1, "MessageKey"),
        message=(2, "Message"),
        messageTimestamp=(3, NUMBER),
        status=(4, NUMBER),
        participant=(5, TEXT),
        pushName=(19, TEXT),
        messageSecret=(49, DATA),
    ),
    "HistorySync": _shape(
        syncType=(1, NUMBER),
        conversations=(2, "Conversation", _MANY),
        chunkOrder=(5, NUMBER),
        progress=(6, NUMBER),
        pushnames=(7, "Pushname", _MANY),
        phoneNumberToLidMappings=(15, "PhoneNumberToLIDMapping", _MANY),
    ),
    "Conversation": _shape(
        ID=(1, TEXT),
        messages=(2, "HistorySyncMsg", _MANY),
        lastMsgTimestamp=(5, NUMBER),
        unreadCount=(6, NUMBER),
        conversationTimestamp=(12, NUMBER),
        name=(13, TEXT),
        archived=(16, FLAG),
        pinned=(24, NUMBER),
        muteEndTime=(25, NUMBER),
        displayName=(38, TEXT),
        pnJID=(39, TEXT),
        lidJID=(42, TEXT),
    ),
    "HistorySyncMsg": _shape(message=(1, "WebMessageInfo"), msgOrderID=(2, NUMBER)),
    "Pushname": _shape(ID=(1, TEXT), pushname=(2, TEXT)),
    "PhoneNumberToLIDMapping": _shape(pnJID=(1, TEXT), lidJID=(2, TEXT)),
}
