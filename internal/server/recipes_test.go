package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// recipe is a program that knows the vendor's addresses alone. Only name
// resolution is bent, as a hosts file would, and to this machine: here it also
// leads from the vendor's ports to the free ones of a test.
type recipe struct {
	program string
	args    []string
	trust   string // the variable that names a file of CAs
}

// vendor is a cloud that carries the vendor's names, with a printer.
func vendor(t *testing.T) *house {
	t.Helper()
	return vendorOf(t, testConfig(t))
}

func vendorOf(t *testing.T, c Config) *house {
	t.Helper()
	c.TLS, c.VendorNames = true, true
	h := owned(t, c)
	h.bound()
	return h
}

func (h *house) ports() (https, mqtts string) {
	_, https, _ = net.SplitHostPort(at(h.info.HTTP))
	_, mqtts, _ = net.SplitHostPort(h.info.MQTTS)
	return https, mqtts
}

// run gives what the program prints. It has nothing of the surroundings, proxies
// above all, but for the one variable.
func (h *house) run(r recipe, trusting bool) (string, error) {
	home := h.t.TempDir()
	https, mqtts := h.ports()
	config := fmt.Sprintf("connect-to = \"api.bambulab.com:443:127.0.0.1:%s\"\n", https)
	writeFile(h.t, filepath.Join(home, ".curlrc"), []byte(config))
	c := exec.CommandContext(h.t.Context(), r.program, r.args...)
	c.Dir = home
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "ACCOUNT=" + ownerEmail, "PASSWORD=" + ownerPassword, "SERIAL=" + bench,
		"HTTPS_PORT=" + https, "MQTTS_PORT=" + mqtts,
	}
	if trusting {
		c.Env = append(c.Env, r.trust+"="+h.info.CAFile)
	}
	out, err := c.CombinedOutput()
	return string(out), err
}

// works demands that the recipe lists the printer, and that it would not without
// the CA: a client that checks nothing would show nothing.
func (h *house) works(r recipe) {
	h.t.Helper()
	if out, err := h.run(r, true); err != nil || !strings.Contains(out, `"dev_id":"`+bench+`"`) && !strings.Contains(out, "dev_id "+bench) {
		h.t.Errorf("%v\n%s", err, out)
	}
	if out, _ := h.run(r, false); strings.Contains(out, bench) || strings.Contains(out, "accessToken") {
		h.t.Errorf("without %s it trusts somebody else: %s", r.trust, out)
	}
}

// found skips a test where a program is missing, but not in CI.
func found(t *testing.T, what, program string, args ...string) {
	t.Helper()
	err := exec.CommandContext(t.Context(), program, args...).Run()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed: %v", what, err)
	default:
		t.Skipf("%s is not installed: %v", what, err)
	}
}

// The commands that docs/clients.md shows for curl, as they stand there.
func TestTheRecipeForCurlWorksAsPrinted(t *testing.T) {
	t.Parallel()
	found(t, "curl", "curl", "--version")
	vendor(t).works(recipe{"sh", []string{"-c", withCurl(t)}, "CURL_CA_BUNDLE"})
}

func withCurl(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```\n(TOKEN=.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("docs/clients.md shows no sign-in with curl")
	}
	return strings.NewReplacer("you@example.org", ownerEmail, "…", ownerPassword).Replace(string(block[1]))
}

// bent sends the vendor's names to this machine, and no other anywhere.
const bent = `
import os, socket
resolve = socket.getaddrinfo
ports = {443: int(os.environ["HTTPS_PORT"]), 8883: int(os.environ["MQTTS_PORT"])}
names = {"api.bambulab.com", "bambulab.com", "us.mqtt.bambulab.com", "api.bambulab.cn", "cn.mqtt.bambulab.com"}
def here(host, port, *rest, **more):
    if host not in names:
        raise OSError(f"nobody may ask for {host} here")
    return resolve("127.0.0.1", ports[int(port)], *rest, **more)
socket.getaddrinfo = here
`

const pythonLogin = `
import json, os
login = {"account": os.environ["ACCOUNT"], "password": os.environ["PASSWORD"]}
`

const withUrllib = pythonLogin + `
import urllib.request
def call(url, body=None, token=""):
    r = urllib.request.Request(url, None if body is None else json.dumps(body).encode())
    r.add_header("Content-Type", "application/json")
    if token:
        r.add_header("Authorization", "Bearer " + token)
    with urllib.request.urlopen(r, timeout=30) as answer:
        return json.load(answer)
for host in "api.bambulab.com", "api.bambulab.cn":
    token = call(f"https://{host}/v1/user-service/user/login", login)["accessToken"]
    for d in call(f"https://{host}/v1/iot-service/api/user/bind", token=token)["devices"]:
        print("dev_id", d["dev_id"])
`

const withRequests = pythonLogin + `
import requests
s = requests.Session()
token = s.post("https://api.bambulab.com/v1/user-service/user/login", json=login, timeout=30).json()["accessToken"]
answer = s.get("https://api.bambulab.com/v1/iot-service/api/user/bind", headers={"Authorization": "Bearer " + token}, timeout=30)
for d in answer.json()["devices"]:
    print("dev_id", d["dev_id"])
`

// Over MQTT whoever is subscribed to the printer's reports is heard by the cloud.
const withPaho = withUrllib + `
import paho.mqtt.client as mqtt
uid = call("https://api.bambulab.com/v1/design-user-service/my/preference", token=token)["uid"]
client = mqtt.Client()
client.username_pw_set(f"u_{uid}", token)
client.tls_set()
client.on_connect = lambda c, *rest: c.subscribe(f"device/{os.environ['SERIAL']}/report")
client.on_subscribe = lambda c, userdata, mid, granted, *rest: (print("granted", granted[0]), c.disconnect())
client.connect("us.mqtt.bambulab.com", 8883, 60)
client.loop_forever()
`

func TestTheRecipeForPythonWorks(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	found(t, "python3", python, "--version")
	t.Run("urllib", func(t *testing.T) {
		t.Parallel()
		vendor(t).works(recipe{python, []string{"-c", bent + withUrllib}, "SSL_CERT_FILE"})
	})
	t.Run("requests", func(t *testing.T) {
		t.Parallel()
		found(t, "python3-requests", python, "-c", "import requests")
		vendor(t).works(recipe{python, []string{"-c", bent + withRequests}, "REQUESTS_CA_BUNDLE"})
	})
	t.Run("paho", func(t *testing.T) {
		t.Parallel()
		found(t, "python3-paho-mqtt", python, "-c", "import paho.mqtt.client")
		h := vendor(t)
		out, err := h.run(recipe{python, []string{"-W", "ignore", "-c", bent + withPaho}, "SSL_CERT_FILE"}, true)
		if err != nil || !strings.Contains(out, "granted 0") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

const bentNode = `
require("dns").lookup = (host, options, done) => {
  if (!["api.bambulab.com", "bambulab.com"].includes(host)) return done(new Error("nobody may ask for " + host + " here"));
  return options.all ? done(null, [{address: "127.0.0.1", family: 4}]) : done(null, "127.0.0.1", 4);
};
`

const withNode = `
const {ACCOUNT: account, PASSWORD: password, HTTPS_PORT: port} = process.env;
const headers = {"Content-Type": "application/json"};
(async () => {
  const login = await fetch("https://api.bambulab.com:" + port + "/v1/user-service/user/login", {method: "POST", headers, body: JSON.stringify({account, password})});
  headers.Authorization = "Bearer " + (await login.json()).accessToken;
  const bind = await fetch("https://bambulab.com:" + port + "/api/v1/iot-service/api/user/bind", {headers});
  for (const d of (await bind.json()).devices) console.log("dev_id", d.dev_id);
})();
`

func TestTheRecipeForNodeWorks(t *testing.T) {
	t.Parallel()
	found(t, "node 18 or newer", "node", "-e", "fetch")
	vendor(t).works(recipe{"node", []string{"-e", bentNode + withNode}, "NODE_EXTRA_CA_CERTS"})
}

// goVariable makes this test program a client of its own.
const goVariable = "GROVE_TEST_GO_CLIENT"

func TestTheRecipeForGoWorks(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	vendor(t).works(recipe{"env", []string{goVariable + "=1", exe}, "SSL_CERT_FILE"})
}

// goClient signs in and prints the printers, with Go's own trust.
func goClient() error {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "api.bambulab.com:443" {
			return nil, fmt.Errorf("nobody may ask for %s here", address)
		}
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+os.Getenv("HTTPS_PORT"))
	}}
	c := &http.Client{}
	if os.Getenv("HTTPS_PORT") != "443" {
		c.Transport = transport
	}
	in, err := json.Marshal(map[string]string{"account": os.Getenv("ACCOUNT"), "password": os.Getenv("PASSWORD")})
	if err != nil {
		return err
	}
	res, err := c.Post("https://api.bambulab.com/v1/user-service/user/login", "application/json", strings.NewReader(string(in)))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var login struct{ AccessToken string }
	if err := json.NewDecoder(res.Body).Decode(&login); err != nil {
		return err
	}
	r, err := http.NewRequest("GET", "https://api.bambulab.com/v1/iot-service/api/user/bind", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+login.AccessToken)
	list, err := c.Do(r)
	if err != nil {
		return err
	}
	defer list.Body.Close()
	_, err = io.Copy(os.Stdout, list.Body)
	return err
}
