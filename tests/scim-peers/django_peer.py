# A service on django-scim2: users and groups in a database in memory, behind one bearer token.
# Arguments: port, token, how many users there are at the start.
import os
import sys

import django
from django.conf import settings

PORT, TOKEN, COUNT = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
settings.configure(
    SECRET_KEY="a test",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "people", "django_scim"],
    MIDDLEWARE=["people.SignIn", "django_scim.middleware.SCIMAuthCheckMiddleware"],
    ROOT_URLCONF="people.urls",
    AUTH_USER_MODEL="people.User",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:people?mode=memory&cache=shared"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    PEER_TOKEN=TOKEN,
    SCIM_SERVICE_PROVIDER={
        "NETLOC": f"127.0.0.1:{PORT}",
        "SCHEME": "http",
        "GROUP_MODEL": "people.models.Group",
        "AUTHENTICATION_SCHEMES": [
            {"type": "oauthbearertoken", "name": "Token", "description": "a bearer token", "specUri": "", "documentationUri": ""}
        ],
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from people.models import Group, User  # noqa: E402

connection.ensure_connection()
call_command("migrate", run_syncdb=True, verbosity=0)
for name in ("Support", "Sales"):
    Group(name=name).save()
for at in range(COUNT):
    address = f"person{at:04}@acme.example"
    User(username=address, email=address, first_name=f"Person{at:04}", last_name="Example").save()

from wsgiref.simple_server import WSGIRequestHandler, make_server  # noqa: E402

from django.core.wsgi import get_wsgi_application  # noqa: E402


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", PORT, get_wsgi_application(), handler_class=Quiet).serve_forever()
