"""Receives webhooks and verifies their Standard Webhooks signatures with nothing
but the standard library: receiver.py SECRET_FILE OUT_FILE. Prints its port."""
import base64
import hashlib
import hmac
import http.server
import sys

secret_file, out_file = sys.argv[1:3]


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(secret_file) as f:
            key = base64.b64decode(f.read().strip().removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        good = any(hmac.compare_digest(want, s) for s in self.headers["webhook-signature"].split())
        with open(out_file, "ab") as f:
            f.write((b"good " if good else b"BAD ") + body + b"\n")
        self.send_response(204 if good else 400)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
