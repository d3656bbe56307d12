package web_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

var setupLink = regexp.MustCompile(`\S+(/setup\?code=\S+)`)

// moveIn makes the first owner as a newcomer does, by the link that the server printed.
func (v *visitor) moveIn(c *cloud) {
	v.t.Helper()
	v.open(setupLink.FindStringSubmatch(c.log.String())[1])
	v.fill("Your name", "Ann")
	v.fill("E-mail address", "ann@example.org")
	v.fill("Password", password)
	v.click("Make my account")
	v.sees("Welcome, Ann")
}

func TestANewcomerWatchesAPrintEnd(t *testing.T) {
	t.Parallel()
	c := serve(t)
	v := visit(t, c.base)
	v.open("/")
	v.sees("Setup code", "12 characters or more")
	v.dressed("setup")
	v.moveIn(c)
	v.dressed("welcome")
	v.click("Simulate three printers")
	v.sees("Workshop X1 Carbon", "Bench P1S", "Desk A1 mini", "Printing", "Layer")
	v.click("Workshop X1 Carbon")
	v.sees("Workshop X1 Carbon", "benchy")
	v.patience = 4 * time.Minute
	v.waits("the print is over", func(text string) bool { return !strings.Contains(text, "Printing") })
	v.open("/welcome")
	v.offers([]string{"Take the simulated printers away"}, []string{"Simulate three printers"})
	v.picture("welcome-simulated")
	v.click("Take the simulated printers away")
	v.sees("Take the simulated printers away?")
	v.click("Take the simulated printers away")
	v.sees("The simulated printers are gone")
	v.offers([]string{"Simulate three printers"}, []string{"Take the simulated printers away"})
	v.open("/")
	v.sees("No printers yet")
}

func TestPrintersAreAdded(t *testing.T) {
	t.Parallel()
	c := serve(t)
	c.background("sim", "--lan", "--model", "P1S", "--serial", "01P00A000000007", "--access-code", "12345678", "--addr", "127.0.0.1",
		"--mqtts-port", "28883", "--ftps-port", "28990", "--camera-port", "28600", "--speed", "60")
	v := visit(t, c.base)
	v.excuse("status of 4") // the answers to what is wrong on purpose
	v.moveIn(c)
	v.click("Add printers")
	v.sees("By its address", "Look for printers")
	v.dressed("add")
	v.fill("Address", "127.0.0.1")
	v.fill("Access code", "wrong123")
	v.fill("Name", "Bench")
	v.click("Other ports")
	v.fill("MQTT", "28883")
	v.fill("FTPS", "28990")
	v.fill("Camera", "28600")
	v.click("Try and add it")
	v.sees("Is there well", "Speaks encrypted well", "Is this printer well", "Access code failed")
	v.dressed("add-refused")
	v.fill("Access code", "12345678")
	v.click("Try and add it")
	v.sees("Bench is here", "Access code", "Developer Mode")
	v.picture("added")
	v.click("Open it")
	v.sees("Bench")
}

// A simulator without the right to the usual ports says which it has.
func TestAFoundPrinterBringsItsPorts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux answers on all of 127.0.0.0/8")
	}
	c := serve(t)
	c.background("sim", "--lan", "--model", "X1C", "--serial", "00M00A000000007", "--access-code", "12345678", "--addr", "127.0.0.3",
		"--mqtts-port", "27883", "--ftps-port", "27990", "--rtsps-port", "27322", "--bind-port", "0", "--bind-tls-port", "0")
	v := visit(t, c.base)
	v.moveIn(c)
	v.open("/add")
	v.fill("Network, if it is not this server’s own", "127.0.0.3/32")
	v.click("Look for printers")
	v.sees("X1 Carbon · 127.0.0.3")
	v.click("Add …")
	v.fill("Access code", "12345678")
	v.click("Try and add it")
	v.sees("Bambu Lab X1 Carbon 1 is here", "there is a card or stick")
	for id, want := range map[string]int{"mqtts_port": 27883, "ftps_port": 27990, "rtsps_port": 27322} {
		if got := js[int](v, `fetch("/v1/grove-service/printers/00M00A000000007", {credentials: "same-origin"}).then((r) => r.json()).then((a) => a.data.lan.`+id+`)`); got != want {
			t.Errorf("%s is %d, want %d", id, got, want)
		}
	}
}

// A line that fails keeps no other out.
func TestAFleetComesFromAFile(t *testing.T) {
	t.Parallel()
	c := serve(t)
	c.background("sim", "--lan", "--model", "P1S", "--serial", "01P00A000000008", "--access-code", "12345678", "--addr", "127.0.0.1",
		"--mqtts-port", "29883", "--ftps-port", "29990", "--camera-port", "29600", "--speed", "60")
	csv := filepath.Join(t.TempDir(), "fleet.csv")
	text := "serial,host,access_code,name,mqtts_port,ftps_port,camera_port\n01P00A000000008,127.0.0.1,12345678,\"Bench, left\",29883,29990,29600\n01P00A000000009,127.0.0.1,12345678,Nobody,1,,\n"
	if err := os.WriteFile(csv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v := visit(t, c.base)
	v.excuse("status of 4", "status of 5")
	v.moveIn(c)
	v.open("/add")
	v.sees("A whole fleet")
	v.do(chromedp.SetUploadFiles(`input[accept^=".csv"]`, []string{csv}))
	v.sees("Bench, left is here", "Nobody")
	v.waits("the other line has failed", func(text string) bool { return !strings.Contains(text, "Waits or is tried") })
	v.open("/")
	v.sees("Bench, left")
}

// Files are as spreadsheets write them, and what is wrong with one is said.
func TestAFleetsFileIsReadAsItComes(t *testing.T) {
	t.Parallel()
	c := serve(t)
	v := visit(t, c.base)
	v.excuse("status of 4")
	v.moveIn(c)
	v.open("/add")
	v.sees("A whole fleet")
	take := func(text string, shows ...string) {
		t.Helper()
		name := filepath.Join(t.TempDir(), "fleet.csv")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		v.do(chromedp.SetUploadFiles(`input[accept^=".csv"]`, []string{name}))
		v.sees(shows...)
	}
	take("", "its first line names no columns", "host, access_code")
	v.picture("add-file-empty")
	take("01P00A000000008,127.0.0.1,12345678,Bench,P1S\n", "its first line names no columns")
	take("host,name\n127.0.0.1,Bench\n", "The column access_code is missing in the first line.")
	take("host,access_code,colour\n", "No column is called “colour”")
	take("host,access_code\n", "The file names no printer")
	for _, apart := range []string{";", "\t", ","} {
		text := "\ufeffHost,access_code,name,mqtts_port\r\n" +
			"192.0.2.7,12345678,\"Left, \"\"the;\told\"\" one\",\r\n" + // no address of a network that is allowed
			"192.0.2.8,,Nocode,\r\n" +
			",,,\r\n" +
			"192.0.2.9,12345678,Noport,mqtt\r\n" +
			"192.0.2.9,12345678,Short\r\n" +
			"192.0.2.9,12345678,\"Quo\"ted,\r\n"
		head, rest, _ := strings.Cut(text, "\"Left, ")
		if apart != "," {
			name, tail, _ := strings.Cut(rest, " one\"")
			text = strings.ReplaceAll(head, ",", apart) + "\"Left, " + name + " one\"" + strings.ReplaceAll(tail, ",", apart)
		}
		take(text, "Left, \"the; old\" one Line 2", "Nocode Line 3\n", "host and access_code must both be there.", "Noport Line 5", "mqtts_port is “mqtt”", "Short Line 6", "The line has 3 fields, and the first line names 4.",
			"Line 7", "A quotation mark is in the wrong place")
		v.waits("the first one is refused", func(text string) bool { return !strings.Contains(text, "Waits or is tried") })
		v.dressed("add-file")
		v.open("/add")
		v.sees("A whole fleet")
	}
}

// What a client needs is copied from a page, which says when it came: it, and no other,
// and whatever the browser's clock says.
func TestAClientIsSeenToConnect(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	made, err := c.calls().CreateKey(t.Context(), cloudapi.KeyRequest{Name: "terminal", Scopes: []grovecloud.Action{grovecloud.ReadPrinter}, AllPrinters: true})
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, c.base)
	late := `{ const Real = Date; window.Date = class extends Real { constructor(...a) { super(...(a.length ? a : [Real.now() + 3600_000])); } static now() { return Real.now() + 3600_000; } }; }`
	if _, err := chromedp.Call(v.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: late}); err != nil {
		t.Fatal(err)
	}
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open("/connect")
	v.sees("curl", "Waiting for the first request")
	v.dressed("connect")
	ask := func(agent string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.base+"/v1/grove-service/printers", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", agent)
		r.Header.Set("Authorization", "Bearer "+string(made.Secret))
		answer, err := (&http.Client{}).Do(r)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v %v", agent, answer, err)
		}
		answer.Body.Close()
	}
	on := func() bool { return js[bool](v, `!!document.querySelector(".light.on")`) }
	ask("curl/8.14.1")
	v.sees("Connected: curl/8.14.1, over HTTP, from 127.0.0.1")
	if !on() {
		t.Error("the light of curl is not green")
	}
	v.picture("connect-curl")
	v.click("Home Assistant")
	v.sees("Something connected that does not come as this client does: curl/8.14.1")
	if on() {
		t.Error("curl turned the light of Home Assistant green")
	}
	v.picture("connect-other")

	v.click("LAN clients (bblp)")
	code := js[string](v, `fetch("/v1/iot-service/api/user/device/info?device_id=`+demoP1+`").then((r) => r.json()).then((a) => a.dev_access_code)`)
	ca, err := os.ReadFile(filepath.Join(c.data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	broker := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("ssl://" + c.mqtts).SetTLSConfig(&tls.Config{RootCAs: roots}).
		SetUsername("bblp").SetPassword(code).SetAutoReconnect(false))
	if token := broker.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Fatalf("connect: %v", token.Error())
	}
	defer broker.Disconnect(0)
	v.sees("Connected: a client with the access code of Bench P1S, over MQTT, from 127.0.0.1")
	if !on() {
		t.Error("the light of LAN clients is not green")
	}
	v.picture("connect-lan")
}
