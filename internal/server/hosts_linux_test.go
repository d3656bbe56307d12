package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// machine is a client's machine as far as its hosts file and its CAs go: a mount
// namespace in which those are other files. Nothing else is bent: the cloud listens
// on the vendor's ports, at an address of loopback that is this test's.
type machine struct {
	*house
	dir string
}

// taken is how many addresses of loopback tests of this process have.
var taken atomic.Int32

// newMachine has the lines for the hosts file that docs/clients.md shows, and a store of CAs to which
// the cloud's was added as it says there.
func newMachine(t *testing.T) machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("other files in the place of /etc/hosts and of the system's CAs, and port 443, are for root alone")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "-m", "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this root can't have a mount namespace: %v %s", err, out)
		}
		t.Skipf("this root can't have a mount namespace: %v %s", err, out)
	}
	found(t, "ca-certificates", "which", "update-ca-certificates")
	c := testConfig(t)
	process := os.Getpid()
	address := fmt.Sprintf("127.%d.%d.%d", 10+process>>8%200, process%256, taken.Add(1))
	c.HTTP, c.MQTTS = address+":443", address+":8883"
	m := machine{vendorOf(t, c), t.TempDir()}
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^192\.0\.2\.10 .*\n`).FindAllString(string(page), -1)
	if len(lines) != 2 {
		t.Fatalf("docs/clients.md shows %q for the hosts file", lines)
	}
	writeFile(t, filepath.Join(m.dir, "hosts"), []byte("127.0.0.1 localhost\n"+strings.ReplaceAll(strings.Join(lines, ""), "192.0.2.10", address)))
	m.store(t)
	return m
}

// store makes a system's store of CAs that has the cloud's: what Debian's own program makes of it.
func (m machine) store(t *testing.T) {
	t.Helper()
	script := `set -e
cp -a /etc/ssl/certs certs
mkdir added; cp "$1" added/grove.crt
mount --bind certs /etc/ssl/certs
mount --bind added /usr/local/share/ca-certificates
update-ca-certificates --hooksdir /nonexistent`
	c := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", script, "sh", m.info.CAFile)
	c.Dir = m.dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// run gives what a program prints on such a machine. The system's store has the
// cloud's CA only if it is asked for.
func (m machine) run(t *testing.T, system bool, variable, program string, args ...string) string {
	t.Helper()
	script := `mount --bind hosts /etc/hosts || exit
[ "$1" != true ] || mount --bind certs /etc/ssl/certs || exit
shift; cd /; exec "$@"`
	c := exec.CommandContext(t.Context(), "unshare", append([]string{"-m", "sh", "-c", script, "sh", strconv.FormatBool(system), program}, args...)...)
	c.Dir = m.dir
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, "ACCOUNT=" + ownerEmail, "PASSWORD=" + ownerPassword, "SERIAL=" + bench,
		"HTTPS_PORT=443", "CA=" + m.info.CAFile,
	}
	if variable != "" {
		c.Env = append(c.Env, variable+"="+m.info.CAFile)
	}
	out, err := c.CombinedOutput()
	return fmt.Sprintf("%s\n%v", out, err)
}

// Every stack of names and trust that clients are made with comes here by the lines
// of the hosts file alone: with the CA in its variable, with the CA in the system's
// store where it looks there, and never without.
func TestEveryStackComesByAHostsFile(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const python = "/usr/bin/python3"
	for _, c := range []struct {
		stack, variable string
		system          bool // it looks into the system's store
		command         []string
	}{
		{"curl", "CURL_CA_BUNDLE", true, []string{"sh", "-c", withCurl(t)}},
		{"Python ssl", "SSL_CERT_FILE", true, []string{python, "-c", withUrllib}},
		{"Python requests", "REQUESTS_CA_BUNDLE", true, []string{python, "-c", withRequests}},
		{"paho", "SSL_CERT_FILE", true, []string{python, "-W", "ignore", "-c", withPaho}},
		{"Go", "SSL_CERT_FILE", true, []string{"env", goVariable + "=1", exe}},
		{"Node.js", "NODE_EXTRA_CA_CERTS", false, []string{"node", "-e", withNode}},
	} {
		t.Run(c.stack, func(t *testing.T) {
			t.Parallel()
			comes := func(system bool, variable string, want bool) {
				t.Helper()
				out := m.run(t, system, variable, c.command[0], c.command[1:]...)
				got := strings.Contains(out, `"dev_id":"`+bench+`"`) || strings.Contains(out, "dev_id "+bench)
				if c.stack == "paho" {
					got = got && strings.Contains(out, "granted 0")
				}
				if got != want {
					t.Errorf("CA in the system's store %t, in %q: came %t, want %t\n%s", system, variable, got, want, out)
				}
			}
			comes(false, c.variable, true)
			comes(false, "", false)
			if c.system {
				comes(true, "", true)
			}
		})
	}
}

const withJava = `
import java.net.URI;
import java.net.http.*;

class Client {
  public static void main(String[] args) throws Exception {
    var http = HttpClient.newHttpClient();
    var login = "{\"account\":\"" + System.getenv("ACCOUNT") + "\",\"password\":\"" + System.getenv("PASSWORD") + "\"}";
    var asks = HttpRequest.newBuilder(URI.create("https://api.bambulab.com/v1/user-service/user/login")).header("Content-Type", "application/json");
    var in = http.send(asks.POST(HttpRequest.BodyPublishers.ofString(login)).build(), HttpResponse.BodyHandlers.ofString()).body();
    var token = in.replaceAll("(?s).*\"accessToken\":\"([^\"]*)\".*", "$1");
    var lists = HttpRequest.newBuilder(URI.create("https://api.bambulab.com/v1/iot-service/api/user/bind")).header("Authorization", "Bearer " + token);
    System.out.println(http.send(lists.build(), HttpResponse.BodyHandlers.ofString()).body());
  }
}
`

// Java has a store of its own. A JDK is 116 MB to fetch, so the test takes one that
// is there and asks for none, in CI either.
func TestJavaComesWithItsOwnStore(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"java", "javac", "keytool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("no JDK is installed: %v", err)
		}
	}
	m := newMachine(t)
	source, store := filepath.Join(m.dir, "Client.java"), filepath.Join(m.dir, "grove.p12")
	writeFile(t, source, []byte(withJava))
	page, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^keytool .*$`).FindString(string(page))
	imports := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "grove-ca.pem", m.info.CAFile))
	imports.Dir = m.dir
	if out, err := imports.CombinedOutput(); err != nil || command == "" {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	with := func(flags ...string) string {
		return m.run(t, true, "", "java", append(append(flags, "-XX:TieredStopAtLevel=1"), source)...)
	}
	if out := with("-Djavax.net.ssl.trustStore="+store, "-Djavax.net.ssl.trustStorePassword=changeit"); !strings.Contains(out, `"dev_id":"`+bench+`"`) {
		t.Error(out)
	}
	if out := with(); !strings.Contains(out, "SSLHandshakeException") {
		t.Errorf("with its own store alone: %s", out)
	}
}
