// matrix-js-sdk as a client under test: orders in on stdin, answers out on stdout (harness/agent-protocol/src/lib.rs).
// One device, kept in memory.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { createClient, ClientEvent, MatrixEvent, MemoryStore, Preset } from "matrix-js-sdk";
import { CryptoEvent, decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/index.js";
import { logger } from "matrix-js-sdk/lib/logger.js";

const PROTOCOL = 1;
const ENCRYPTION = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };

// stdout is for the protocol; whatever the SDK has to say is a log.
logger.setLevel("warn");
for (const method of ["log", "info", "debug", "trace", "warn"]) console[method] = console.error;
const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

let client;
let crypto;
let credentials;
/** The key of secret storage, once it is known. */
let storageKey;

async function logIn({ homeserver, user, password }) {
    const visitor = createClient({ baseUrl: homeserver });
    const identifier = { type: "m.id.user", user };
    const session = await visitor.loginRequest({
        type: "m.login.password", identifier, password, initial_device_display_name: "fedproof",
    });
    credentials = { type: "m.login.password", identifier, password };
    // A device that was logged in before is replaced, and says no more that it has synced.
    client?.stopClient();
    client?.removeAllListeners();
    const getSecretStorageKey = async ({ keys }) => {
        const [id] = Object.keys(keys);
        return storageKey ? [id, storageKey] : null;
    };
    client = createClient({
        baseUrl: homeserver, userId: session.user_id, deviceId: session.device_id, accessToken: session.access_token,
        store: new MemoryStore(), cryptoCallbacks: { getSecretStorageKey, cacheSecretStorageKey: () => {} },
    });
    await client.initRustCrypto({ useIndexedDB: false });
    crypto = client.getCrypto();
    client.on(ClientEvent.Sync, (state) => {
        if (state === "PREPARED" || state === "SYNCING") say({ synced: {} });
    });
    const prepared = until(ClientEvent.Sync, (state) => state === "PREPARED");
    await client.startClient({ initialSyncLimit: 20 });
    await prepared;
    await crypto.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (make) => make(credentials) }).catch((error) => {
        // Another device of the user has done it.
        console.error(`cross-signing: ${error.message}`);
    });
    return { user: session.user_id, device: session.device_id };
}

/** Waits for an event of the SDK. */
function until(event, is) {
    return new Promise((resolve) => {
        const listener = (...args) => {
            if (is(...args)) {
                client.off(event, listener);
                resolve();
            }
        };
        client.on(event, listener);
    });
}

/** Waits, sync by sync, until something is so. */
async function untilSynced(is) {
    while (!(await is())) await until(ClientEvent.Sync, () => true);
}

async function createRoom({ name, invite = [], direct }) {
    const { room_id: room } = await client.createRoom({
        ...(name ? { name } : {}),
        invite, is_direct: direct, preset: direct ? Preset.TrustedPrivateChat : Preset.PrivateChat,
        initial_state: [ENCRYPTION],
    });
    await untilSynced(() => crypto.isEncryptionEnabledInRoom(room));
    return { room };
}

async function join({ room }) {
    await client.joinRoom(room);
    await untilSynced(() => client.getRoom(room)?.getMyMembership() === "join");
    return {};
}

async function send({ room, body }) {
    return { event: (await client.sendTextMessage(room, body)).event_id };
}

async function sendMany({ room, body, count }) {
    const events = [];
    for (let number = 1; number <= count; number += 1) {
        events.push((await send({ room, body: `${body} ${number}` })).event);
    }
    return { events };
}

/** What there is to say of an event. */
async function told(raw) {
    const event = new MatrixEvent(raw);
    await client.decryptEventIfNeeded(event);
    const known = { sender: event.getSender(), type: event.getType() };
    if (event.isDecryptionFailure()) return { ...known, unreadable: String(event.decryptionFailureReason) };
    return { ...known, encrypted: event.isEncrypted(), body: event.getContent().body ?? null };
}

async function readBack({ room, count }) {
    const bodies = [];
    const reasons = [];
    let from = null;
    while (bodies.length + reasons.length < count) {
        const page = await client.createMessagesRequest(room, from, 100, "b");
        for (const raw of page.chunk) {
            const seen = await told(raw);
            if (seen.unreadable) reasons.push(seen.unreadable);
            else if (typeof seen.body === "string") bodies.push(seen.body);
        }
        if (!page.end) break;
        from = page.end;
    }
    return { readable: bodies.length, unreadable: reasons.length, bodies, reasons };
}

async function room({ room: id }) {
    const known = client.getRoom(id);
    if (!known) throw new Error(`this device knows no room ${id}`);
    const ids = (membership) => known.getMembersWithMembership(membership).map((member) => member.userId).sort();
    return { joined: ids("join"), invited: ids("invite"), encrypted: await crypto.isEncryptionEnabledInRoom(id) };
}

async function devices({ user }) {
    const known = (await crypto.getUserDeviceInfo([user], true)).get(user) ?? new Map();
    const told = [...known.keys()].map(async (device) => {
        const status = await crypto.getDeviceVerificationStatus(user, device);
        return { device, verified: status?.isVerified() ?? false, cross_signed: status?.signedByOwner ?? false };
    });
    return { devices: await Promise.all(told) };
}

async function setUpBackup({ passphrase }) {
    const key = await crypto.createRecoveryKeyFromPassphrase(passphrase || undefined);
    storageKey = key.privateKey;
    await crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => key, setupNewKeyBackup: true });
    await backUp();
    return { recovery_key: key.encodedPrivateKey };
}

/** The SDK tells how many sessions are left to upload; when it has none it tells nothing. */
async function backUp() {
    const done = new Promise((resolve) => {
        client.on(CryptoEvent.KeyBackupSessionsRemaining, (left) => left === 0 && resolve());
    });
    await crypto.checkKeyBackupAndEnable();
    await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 15_000))]);
    return {};
}

async function restore({ recovery_key: key }) {
    storageKey = decodeRecoveryKey(key);
    await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    await crypto.restoreKeyBackup();
    return {};
}

const COMMANDS = {
    log_in: logIn,
    log_out: async () => {
        client.stopClient();
        await client.logout();
        return {};
    },
    create_room: createRoom,
    join,
    leave: ({ room: id }) => client.leave(id).then(() => ({})),
    invite: ({ room: id, user }) => client.invite(id, user).then(() => ({})),
    kick: ({ room: id, user }) => client.kick(id, user).then(() => ({})),
    ban: ({ room: id, user }) => client.ban(id, user).then(() => ({})),
    send,
    send_many: sendMany,
    read: ({ room: id, event }) => client.fetchRoomEvent(id, event).then(told),
    read_back: readBack,
    room,
    devices,
    set_up_backup: setUpBackup,
    back_up: backUp,
    restore,
};

const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve("matrix-js-sdk/package.json")));
say({ hello: { protocol: PROTOCOL, name: "matrix-js-sdk", version, capabilities: Object.keys(COMMANDS) } });

const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
    const { id, ...command } = JSON.parse(line);
    const [name] = Object.keys(command);
    try {
        say({ answer: { id, result: await COMMANDS[name](command[name]) } });
    } catch (error) {
        say({ refusal: { id, reason: error.message ?? String(error) } });
    }
});
lines.on("close", () => process.exit(0));
process.on("unhandledRejection", (error) => console.error(`unhandled: ${error?.stack ?? error}`));
