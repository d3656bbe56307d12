package sim

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

// ear hears datagrams on loopback.
func ear(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// headers reads a message of SSDP.
func headers(t *testing.T, c *net.UDPConn) (first string, fields map[string]string) {
	t.Helper()
	b := make([]byte, 2048)
	n, err := c.Read(b)
	must(t, err)
	text, whole := strings.CutSuffix(string(b[:n]), "\r\n\r\n")
	if !whole {
		t.Errorf("it ends with %q", text)
	}
	lines := strings.Split(text, "\r\n")
	fields = map[string]string{}
	for _, line := range lines[1:] {
		k, v, _ := strings.Cut(line, ": ")
		fields[k] = v
	}
	return lines[0], fields
}

func TestAPrinterMakesItselfKnownAndAnswersSearches(t *testing.T) {
	t.Parallel()
	c := ear(t)
	b := newLANBench(t, Config{
		Name: "Bench\r\nP1S", LAN: &LAN{SSDP: &SSDP{To: []string{c.LocalAddr().String()}, Listen: "127.0.0.1:0", Every: 10 * time.Millisecond}},
	})
	b.on()
	for range 2 {
		first, got := headers(t, c)
		if first != "NOTIFY * HTTP/1.1" || got["Host"] != "239.255.255.250:1990" || got["NT"] != ssdpUrn || got["NTS"] != "ssdp:alive" {
			t.Errorf("%s %v", first, got)
		}
		for k, want := range map[string]string{
			"Location": "127.0.0.1", "USN": b.Serial(), "DevModel.bambu.com": "C12", "DevName.bambu.com": "Bench  P1S",
			"DevConnect.bambu.com": "lan", "DevBind.bambu.com": "free", "DevVersion.bambu.com": "01.08.02.00", "Devseclink.bambu.com": "secure",
		} {
			if got[k] != want {
				t.Errorf("%s: %q, want %q", k, got[k], want)
			}
		}
		if at := b.Ports(); got["Ports.grove"] != fmt.Sprintf("mqtts=%d ftps=%d camera=%d", at.MQTTS, at.FTPS, at.Camera) {
			t.Errorf("ports %q, and it stands at %+v", got["Ports.grove"], at)
		}
	}
	at, err := net.ResolveUDPAddr("udp4", b.SearchAddr())
	must(t, err)
	asking := ear(t)
	for _, question := range []string{
		"noise", "M-SEARCH * HTTP/1.1\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\n\r\n",
		"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:2021\r\nMAN: \"ssdp:discover\"\r\nMX: 3\r\nST: " + ssdpUrn + "\r\n\r\n",
	} {
		_, err := asking.WriteToUDP([]byte(question), at)
		must(t, err)
	}
	first, got := headers(t, asking)
	if first != "HTTP/1.1 200 OK" || got["ST"] != ssdpUrn || got["USN"] != b.Serial() || got["Location"] != "127.0.0.1" || got["NT"] != "" {
		t.Errorf("%s %v", first, got)
	}
}

func TestOnlyUnusualPortsAreTold(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]grove.LAN{
		"":                                  {MQTTS: 8883, FTPS: 990, Camera: 6000},
		"mqtts=8883 ftps=9990 rtsps=322":    {MQTTS: 8883, FTPS: 9990, RTSPS: 322},
		"mqtts=18883 ftps=990 camera=16000": {MQTTS: 18883, FTPS: 990, Camera: 16000},
	} {
		if got := (identity{at: at}).ports(); got != want {
			t.Errorf("%+v: %q, want %q", at, got, want)
		}
		b := beacon{who: func() identity { return identity{at: at} }}
		if told := strings.Contains(string(b.notify()), "Ports.grove: "+want+"\r\n"); told != (want != "") {
			t.Errorf("%q", b.notify())
		}
	}
}

func TestWhereAnnouncementsGoUnlessTold(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.2":    "[127.255.255.255:2021] 127.0.0.2:2021",
		"192.168.2.10": "[255.255.255.255:2021 239.255.255.250:2021] 239.255.255.250:2021",
	} {
		if s := (SSDP{}).complete(addr); fmt.Sprint(s.To, " ", s.Listen) != want || s.Every != 30*time.Second {
			t.Errorf("%s: %v %s %v", addr, s.To, s.Listen, s.Every)
		}
	}
}

// bindPort asks a bind port and gives the JSON of its answer.
func bindPort(t *testing.T, conn net.Conn, frame string) string {
	t.Helper()
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(conn, frame)
	must(t, err)
	answer, err := io.ReadAll(conn)
	if err != nil || len(answer) == 0 {
		return ""
	}
	if len(answer) < 6 || int(binary.LittleEndian.Uint16(answer[2:])) != len(answer) ||
		!strings.HasPrefix(string(answer), "\xA5\xA5") || !strings.HasSuffix(string(answer), "\xA7\xA7") {
		t.Errorf("frame % x", answer)
	}
	return string(answer[4 : len(answer)-2])
}

func TestTheBindPortsTellWhoAsks(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{Name: "Workshop P1S"})
	b.on()
	plain, secure := b.BindPorts()
	question := `{"login":{"command":"detect","sequence_id":"20000"}}`
	frame := "\xA5\xA5" + string([]byte{byte(len(question) + 6), 0}) + question + "\xA7\xA7"
	open := func(port int) net.Conn {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		must(t, err)
		return conn
	}
	for name, conn := range map[string]net.Conn{
		"plain": open(plain), "tls": tls.Client(open(secure), printerTLS(b.Serial())),
	} {
		var got map[string]map[string]any
		must(t, json.Unmarshal([]byte(bindPort(t, conn, frame)), &got))
		for k, want := range map[string]any{
			"command": "detect", "sequence_id": 3021.0, "bind": "free", "connect": "lan", "dev_cap": 1.0, "id": b.Serial(),
			"model": "C12", "name": "Workshop P1S", "version": "01.08.02.00",
		} {
			if got["login"][k] != want {
				t.Errorf("%s: %s is %v, want %v", name, k, got["login"][k], want)
			}
		}
	}
	for _, wrong := range []string{
		"\xA5\xA5\xFF\xFF", "\xA5\xA5\x05\x00", "GET / HTTP/1.1\r\n\r\n", "\xA5\xA5\x08\x00{}\xA7\xA7",
		"\xA5\xA5\x08\x00{}\xA7\xA5", strings.Replace(frame, "detect", "boundd", 1),
	} {
		if got := bindPort(t, open(plain), wrong); got != "" {
			t.Errorf("%q is answered %s", wrong, got)
		}
	}
}

func TestAPrinterOnALANReportsWhereItStands(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{LAN: &LAN{Addr: "127.0.0.2"}})
	b.pushall()
	if got := fmt.Sprint(lookup(b.print, "net.info.0.ip")); got != "33554559" { // 127.0.0.2, little-endian
		t.Errorf("ip %s", got)
	}
	if got := b.ask("system", "get_access_code", nil)["access_code"]; got != testCode {
		t.Errorf("code %v", got)
	}
}
