# A service on scim2-server: users and groups in memory, behind one bearer token.
# Arguments: port, token, how many users there are at the start.
import json
import sys
import threading
import urllib.request

from scim2_server.testserver.cli import main

PORT, TOKEN, COUNT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def post(kind, record):
    body = json.dumps({"schemas": [CORE + kind], **record}).encode()
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/scim+json"}
    urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{PORT}/{kind}s", body, headers)).read()


def fill():
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/ServiceProviderConfig")
        except urllib.error.HTTPError:
            break
        except OSError:
            continue
        break
    for at in range(COUNT):
        address = f"person{at:04}@acme.example"
        name = {"givenName": f"Person{at:04}", "familyName": "Example"}
        emails = [{"value": address, "type": "work", "primary": True}]
        post("User", {"userName": address, "name": name, "displayName": f"Person{at:04} Example", "emails": emails, "active": True})
    for name in ("Sales", "Support"):  # the last one says that everybody is there
        post("Group", {"displayName": name})


threading.Thread(target=fill, daemon=True).start()
sys.argv = ["scim2-server", "--port", str(PORT), "--bearer-token", TOKEN]
main()
