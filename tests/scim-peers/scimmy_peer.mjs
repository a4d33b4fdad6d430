// A service on SCIMMY and its routers: users and groups in memory, behind one bearer token.
// Arguments: port, token, how many users there are at the start. SCIM_PEER_MODULES is where the packages lie.
import { createRequire } from "node:module";

const load = createRequire(`${process.env.SCIM_PEER_MODULES}/`);
const [express, SCIMMY, SCIMMYRouters] = ["express", "scimmy", "scimmy-routers"].map((name) => {
    const loaded = load(name);
    return loaded.default ?? loaded;
});
const [port, token, count] = [Number(process.argv[2]), process.argv[3], Number(process.argv[4])];

function keep(type, resource) {
    const kept = new Map();
    let last = 0;
    const unique = (record, id) => {
        const name = (other) => (other.userName ?? other.displayName).toLowerCase();
        for (const other of kept.values())
            if (other.id !== id && name(other) === name(record)) throw new SCIMMY.Types.Error(409, "uniqueness", "it is taken");
    };
    const now = () => new Date().toISOString();
    SCIMMY.Resources.declare(resource, {
        ingress: (asked, record) => {
            unique(record, asked.id);
            const before = kept.get(asked.id);
            if (asked.id && !before) throw new SCIMMY.Types.Error(404, null, "nobody");
            const id = asked.id ?? `${type}-${++last}`;
            const meta = { created: before?.meta.created ?? now(), lastModified: now() };
            const plain = JSON.parse(JSON.stringify(record));
            kept.set(id, { ...plain, id, meta });
            return kept.get(id);
        },
        egress: (asked) => {
            if (!asked.id) return [...kept.values()];
            if (!kept.has(asked.id)) throw new SCIMMY.Types.Error(404, null, "nobody");
            return kept.get(asked.id);
        },
        degress: (asked) => {
            if (!kept.delete(asked.id)) throw new SCIMMY.Types.Error(404, null, "nobody");
        },
    });
    return (record) => kept.set(`${type}-${++last}`, { ...record, id: `${type}-${last}`, meta: { created: now(), lastModified: now() } });
}

SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false);
const addUser = keep("user", SCIMMY.Resources.User);
const addGroup = keep("group", SCIMMY.Resources.Group);
SCIMMY.Config.set({ patch: true, filter: { supported: true, maxResults: 100 } });
for (let at = 0; at < count; at++) {
    const name = `person${String(at).padStart(4, "0")}`;
    const address = `${name}@acme.example`;
    const whole = { givenName: name.replace("p", "P"), familyName: "Example" };
    addUser({ userName: address, name: whole, displayName: `${whole.givenName} Example`, emails: [{ value: address, type: "work", primary: true }], active: true });
}
for (const name of ["Support", "Sales"]) addGroup({ displayName: name, members: [] });

const routers = new SCIMMYRouters({
    type: "bearer",
    handler: (request) => {
        if (request.header("authorization") !== `Bearer ${token}`) throw new Error("no token");
        return "somebody";
    },
});
express().use("/scim/v2", routers).listen(port, "127.0.0.1");
