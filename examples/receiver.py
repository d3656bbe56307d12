"""Receives webhooks and verifies their signatures (Standard Webhooks) with nothing
but the standard library: receiver.py SECRET_FILE OUT_FILE. Prints its port."""
import base64
import hashlib
import hmac
import http.server
import sys
import time


def genuine(secret, headers, body):
    """True if body, as bytes, was signed with the endpoint's secret in the last five minutes."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent = headers["webhook-timestamp"]
    signed = f"{headers['webhook-id']}.{sent}.".encode() + body
    want = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(sent)) < 300
    return fresh and any(hmac.compare_digest(want, s) for s in headers["webhook-signature"].split())


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1]) as f:
            good = genuine(f.read().strip(), self.headers, body)
        with open(sys.argv[2], "ab") as f:
            f.write((b"good " if good else b"BAD ") + body + b"\n")
        self.send_response(204 if good else 400)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_port, flush=True)
    server.serve_forever()
