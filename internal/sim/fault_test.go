package sim

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/printfile/sample"
)

// silentFor reports whether nothing comes for so many ticks of the printer.
func (b *bench) silentFor(ticks int) bool {
	for len(b.heard) > 0 {
		<-b.heard
	}
	wait := time.NewTimer(time.Duration(ticks) * 5 * time.Millisecond)
	defer wait.Stop()
	select {
	case b.last = <-b.heard:
		return false
	case <-wait.C:
		return true
	}
}

// printingOnLAN is a printer in the midst of the print that it began at its screen.
func printingOnLAN(t testing.TB, model string) *bench {
	t.Helper()
	m, _ := bambu.LookupModel(model)
	b := onLAN(t, Config{Begin: BeginPrinting, Model: model, Serial: (m.SerialPrefix + "00A000000001")[:15]})
	b.pushall()
	b.until("gcode_state", "RUNNING")
	return b
}

func TestAStallEndsAsItWasMeantTo(t *testing.T) {
	t.Parallel()
	for stall, cure := range map[Stall]func(*bench){
		StallOn:             func(b *bench) { b.goWrong(Faults{}) },
		StallUntilStart:     func(b *bench) { b.send("pushing", "start", nil) },
		StallUntilReconnect: func(b *bench) { dialLAN(t, b.Printer, "another", testCode) },
	} {
		t.Run(string(stall), func(t *testing.T) {
			t.Parallel()
			b := printingOnLAN(t, "X1C")
			b.goWrong(Faults{Stall: stall})
			b.send("pushing", "pushall", nil)
			soon(t, "it is silent", func() bool { return b.silentFor(10) })
			if !b.viewer.IsConnectionOpen() {
				t.Error("the connection should stay up")
			}
			cure(b)
			b.next("push_status")
			b.pushall()
		})
	}
}

func TestWithoutPowerThePrinterIsGoneAndComesBackIdle(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.printer(t, Config{
		LAN: &LAN{AccessCode: testCode, Maker: testMaker}, Begin: BeginPrinting,
	})
	b.pushall()
	b.succeed("system", "ledctrl", map[string]any{
		"led_node": "chamber_light", "led_mode": "off", "led_on_time": 500, "led_off_time": 500, "loop_times": 1, "interval_time": 1000,
	})
	b.until("gcode_state", "RUNNING")
	b.until("bed_target_temper", 60)
	near := dialLAN(t, b.Printer, "near", testCode)
	b.goWrong(Faults{PowerOff: true})
	soon(t, "who came over the network is cut", func() bool { return !near.IsConnectionOpen() })
	soon(t, "the link to the cloud is cut", func() bool {
		cl, known := r.broker.Clients.Get(b.Serial())
		return !known || cl.Closed()
	})
	b.mu.Lock()
	percent := b.m.job.percent
	b.mu.Unlock()
	soon(t, "nobody can connect", func() bool { return connect(b.Printer, "again") != nil })
	if !b.silentFor(10) {
		t.Errorf("it says %s", b.last)
	}

	b.goWrong(Faults{})
	b.next("push_status")
	b.print = map[string]any{}
	b.pushall()
	got := map[string]any{}
	for _, key := range []string{"gcode_state", "stg_cur", "print_type", "mc_percent", "bed_temper", "bed_target_temper", "heatbreak_fan_speed", "subtask_name", "print_error"} {
		got[key] = fmt.Sprint(b.print[key])
	}
	want := map[string]any{
		"gcode_state": "IDLE", "stg_cur": "0", "print_type": "idle", "mc_percent": strconv.Itoa(percent), "bed_temper": "25",
		"bed_target_temper": "0", "heatbreak_fan_speed": "0", "subtask_name": "benchy", "print_error": "0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after power came back (-want +got)\n%s", diff)
	}
	if lookup(b.print, "lights_report.0.mode") != "off" || b.PlateClear() {
		t.Error("the light that was put out is on, or the part is gone from the plate")
	}
	if flag, _ := strconv.Atoi(fmt.Sprint(b.print["home_flag"])); flag&7 != 0 {
		t.Errorf("its axes are homed: %x", flag)
	}
	soon(t, "the network is back at the same port", func() bool { return connect(b.Printer, "again") == nil })
}

func TestAFinishedPrintIsStillFinishedAfterAPowerCut(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{Begin: BeginFinished})
	m.suffer(Faults{PowerOff: true})
	m.hear([]byte(`{"pushing":{"command":"pushall"}}`))
	m.suffer(Faults{})
	if m.state != stateFinish || m.plate.clear || m.job.percent != 100 {
		t.Errorf("state %s, plate clear %t, %d %%", m.state, m.plate.clear, m.job.percent)
	}
}

func TestWithoutASignatureOnlyReadingIsAllowed(t *testing.T) {
	t.Parallel()
	for model, fun := range map[string]any{"P1S": nil, "A1": nil, "X1C": "3EC1AFFF9CFF", "H2D": "3EC1AFFF9CFF"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			b := printingOnLAN(t, model)
			b.goWrong(Faults{SignatureRequired: true})
			b.until("fun", fun)
			reply := b.ask("print", "stop", nil)
			if reply["result"] != "failed" || reply["reason"] != "mqtt message verify failed" || fmt.Sprint(reply["err_code"]) != "84033543" {
				t.Errorf("reply %v", reply)
			}
			b.until("hms.0.attr", 0x05000500)
			if b.State() != "RUNNING" {
				t.Errorf("it is %s", b.State())
			}
			b.succeed("info", "get_version", nil)
			b.succeed("camera", "ipcam_record_set", map[string]any{"control": "disable"})
			b.goWrong(Faults{})
			b.until("hms", "[]")
			if fun != nil {
				b.until("fun", "3EC18FFF9CFF")
			}
			b.succeed("print", "pause", nil)
		})
	}
}

func TestAnOpenDoorIsSeenAndPausesWhereThatWasChosen(t *testing.T) {
	t.Parallel()
	b := printingOnLAN(t, "X1C")
	b.goWrong(Faults{DoorOpen: true})
	b.until("stat", "46A58008")
	if flag, _ := strconv.Atoi(fmt.Sprint(b.print["home_flag"])); flag&(1<<23) == 0 {
		t.Errorf("home_flag %x", flag)
	}
	b.goWrong(Faults{})
	b.until("stat", "46258008")
	b.succeed("system", "set_door_stat", map[string]any{"config": 2})
	b.goWrong(Faults{DoorOpen: true})
	b.until("gcode_state", "PAUSE")
	b.until("stg_cur", stageDoor)

	open := newTestMachine(t, Config{Model: "A1"})
	before := open.homeFlag()
	open.suffer(Faults{DoorOpen: true})
	if open.homeFlag() != before {
		t.Error("an A1 has no door")
	}
}

func TestFilamentThatEndsOrSticksHoldsThePrintUntilItIsMended(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault Faults
		stage int
		code  int64
		hms   string
	}{
		"runout": {Faults{Runout: true}, 6, 50364420, "0700_2000_0002_0001"},
		"clog":   {Faults{Clog: true}, 35, 117473286, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := printingOnLAN(t, "P1S")
			b.goWrong(c.fault)
			b.until("gcode_state", "PAUSE")
			b.until("stg_cur", c.stage)
			b.until("print_error", c.code)
			if c.hms != "" {
				var h HMS
				must(t, h.UnmarshalText([]byte(c.hms)))
				b.until("hms.0.attr", h.Attr)
				b.until("hms.0.code", h.Code)
			}
			b.succeed("print", "resume", nil) // in vain
			b.until("gcode_state", "RUNNING")
			b.until("gcode_state", "PAUSE")
			b.goWrong(Faults{})
			b.succeed("print", "resume", nil)
			b.until("gcode_state", "RUNNING")
			b.until("print_error", 0)
			b.until("hms", "[]")
		})
	}
}

func TestAPrinterWithoutItsCardSaysSo(t *testing.T) {
	t.Parallel()
	b := printingOnLAN(t, "X1C")
	b.goWrong(Faults{NoCard: true})
	b.until("sdcard", false)
	b.until("aux", "2000004")
	if flag, _ := strconv.Atoi(fmt.Sprint(b.print["home_flag"])); flag&storageBits != 0 {
		t.Errorf("home_flag %x", flag)
	}
	b.goWrong(Faults{})
	b.until("sdcard", true)
	b.until("aux", "2001004")
}

func TestABusyRefusalCarriesItsCode(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := onLAN(t, Config{Faults: Faults{RefuseStarts: true}, HTTP: r.files.Client()})
	if reply := b.refuse("print", "project_file", r.project(sample.ThreeMF())); fmt.Sprint(reply["err_code"]) != "83902468" {
		t.Errorf("reply %v", reply)
	}
}

// As on an H2D Pro: the start is accepted, and for minutes nothing shows it.
func TestAPrinterMayStillReportTheLastPrintLongAfterAStart(t *testing.T) {
	t.Parallel()
	r, ledger := newRig(t), &notes{}
	b := onLAN(t, Config{
		Model: "H2D Pro", Serial: "23900A000000001", Begin: BeginFinished, HTTP: r.files.Client(), Ledger: ledger,
		Faults: Faults{FinishedFor: 0.3},
	})
	b.pushall()
	begun := time.Now()
	b.succeed("print", "project_file", r.project(sample.ThreeMF()))
	for range 3 {
		b.pushall()
		if time.Since(begun) > 200*time.Millisecond {
			break // too slow a machine to look closer
		}
		if b.print["gcode_state"] != "FINISH" || b.print["subtask_name"] != "benchy" || fmt.Sprint(b.print["state"]) != "6" || fmt.Sprint(b.print["mc_percent"]) != "100" {
			t.Fatalf("it shows the new print: %s", b.last)
		}
	}
	if len(ledger.starts(t)) != 1 || b.State() == "FINISH" {
		t.Errorf("it did not start: %s", b.State())
	}
	b.until("subtask_name", "cube")
	if after := time.Since(begun); after < 300*time.Millisecond {
		t.Errorf("shown after %v", after)
	}
}

func TestAPrinterMayClaimToHaveFinishedWhileItPrints(t *testing.T) {
	t.Parallel()
	b := printingOnLAN(t, "P2S")
	b.goWrong(Faults{FinishedWhilePrinting: true})
	b.until("gcode_state", "FINISH")
	b.until("state", 6)
	if b.State() != "RUNNING" {
		t.Errorf("it is %s", b.State())
	}
	b.goWrong(Faults{})
	b.until("gcode_state", "RUNNING")
}

func TestAnotherCertificateIsShownAndNoSessionGoesOnUnderIt(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{})
	at := b.Ports()
	sessions := tls.NewLRUClientSessionCache(4)
	see := func() tls.ConnectionState {
		cfg := &tls.Config{ServerName: b.Serial(), InsecureSkipVerify: true, ClientSessionCache: sessions, MaxVersion: tls.VersionTLS12}
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", net.JoinHostPort(at.Host, strconv.Itoa(at.MQTTS)))
		must(t, err)
		defer conn.Close()
		secure, _ := conn.(*tls.Conn)
		return secure.ConnectionState()
	}
	own := see()
	if again := see(); !again.DidResume {
		t.Error("sessions cannot be resumed, which FTPS needs")
	}
	for pretence, name := range map[Pretence]string{OtherKey: b.Serial(), OtherName: otherSerial} {
		b.goWrong(Faults{Certificate: pretence})
		got := see()
		leaf := got.PeerCertificates[0]
		if got.DidResume || leaf.Subject.CommonName != name || bytes.Equal(leaf.RawSubjectPublicKeyInfo, own.PeerCertificates[0].RawSubjectPublicKeyInfo) {
			t.Errorf("%s: resumed %t, name %s", pretence, got.DidResume, leaf.Subject)
		}
	}
	b.goWrong(Faults{})
	if got := see(); !bytes.Equal(got.PeerCertificates[0].Raw, own.PeerCertificates[0].Raw) {
		t.Error("its own certificate does not come back")
	}
}

func TestHealthMessagesAsText(t *testing.T) {
	t.Parallel()
	h := HMS{Attr: 0x05000600, Code: 0x00020070}
	text, err := h.MarshalText()
	must(t, err)
	var back HMS
	must(t, back.UnmarshalText(text))
	if string(text) != "0500_0600_0002_0070" || back != h {
		t.Errorf("%s, %v", text, back)
	}
	for _, wrong := range []string{"", "0500_0600_0002", "0500_0600_0002_0070_1", "HMS_0500_0600_0002_0070", "0500_0600_0002_007G", "0500-0600-0002-0070"} {
		if back.UnmarshalText([]byte(wrong)) == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func TestAFaultOfAnotherKindIsRefusedInWords(t *testing.T) {
	t.Parallel()
	for wrong, want := range map[string]string{
		`{"stall":true}`:                        "stall takes a word, not true or false",
		`{"runout":1}`:                          "runout takes true or false, not a number",
		`{"accept_delay_seconds":"long"}`:       "accept_delay_seconds takes a number, not a word",
		`{"files":{"bytes_per_second":"slow"}}`: "files.bytes_per_second takes a whole number, not a word",
		`{"files":{"bytes_per_second":1.5}}`:    "files.bytes_per_second takes a whole number, not 1.5",
		`{"files":true}`:                        "files takes an object, not true or false",
		`{"hms":true}`:                          "hms takes a list of words, not true or false",
		`{"hms":[7]}`:                           "hms takes a list of words, not a number",
		`{"doors":true}`:                        `unknown field "doors"`,
		`[]`:                                    "this takes an object, not a list",
	} {
		if err := new(Faults).Merge([]byte(wrong)); err == nil || !errors.Is(err, grove.Invalid) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", wrong, err, want)
		}
	}
}

func TestFaultsThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	b := newLANBench(t, Config{})
	for _, wrong := range []string{
		`{"stall":"a bit"}`, `{"accept_delay_seconds":301}`, `{"accept_delay_seconds":-1}`, `{"finished_for_seconds":601}`, `{"certificate":"vendor"}`,
		`{"files":{"cut_after_bytes":-1}}`, `{"doors":true}`, `{"hms":["x"]}`, `[]`, `{`,
	} {
		if err := b.ChangeFaults(func(f *Faults) error { return f.Merge([]byte(wrong)) }); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
	if diff := cmp.Diff(Faults{}, b.Faults()); diff != "" {
		t.Errorf("what was refused holds: %s", diff)
	}
}

// controlled calls the control port of a fleet.
func controlled(t *testing.T, f *Fleet, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for _, h := range header {
		req.Header.Set(h, "http://evil.example")
	}
	w := httptest.NewRecorder()
	f.Control(discard()).ServeHTTP(w, req)
	var answer map[string]any
	if w.Header().Get("Content-Type") == "application/json" {
		must(t, json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return w.Code, answer
}

func TestTheControlPortDoesWhatTheFlagsDo(t *testing.T) {
	t.Parallel()
	b := onLAN(t, Config{Begin: BeginPrinting})
	b.pushall()
	f := &Fleet{printers: []*Printer{b.Printer}}
	here := "/printers/" + b.Serial()

	if code, got := controlled(t, f, http.MethodGet, "/printers", ""); code != 200 || lookup(got, "printers.0.serial") != b.Serial() || lookup(got, "printers.0.clients") != 1.0 {
		t.Errorf("%d %v", code, got)
	}
	code, got := controlled(t, f, http.MethodPatch, here+"/faults", `{"runout":true,"hms":["0300_0100_0001_0001"]}`)
	if code != 200 || lookup(got, "faults.runout") != true || lookup(got, "faults.hms.0") != "0300_0100_0001_0001" {
		t.Errorf("%d %v", code, got)
	}
	b.until("gcode_state", "PAUSE")
	controlled(t, f, http.MethodPatch, here+"/faults", `{"runout":false}`)
	if !slices.Contains(b.Faults().HMS, HMS{0x03000100, 0x00010001}) {
		t.Error("a fault that was not named is gone")
	}
	if code, got := controlled(t, f, http.MethodPost, here+"/clear-plate", ""); code != 200 || lookup(got, "plate_clear") != true {
		t.Errorf("%d %v", code, got)
	}
	if code, _ := controlled(t, f, http.MethodPut, here+"/access-code", `{"access_code":"zyxwvuts"}`); code != 200 {
		t.Errorf("%d", code)
	}
	soon(t, "the client is cut", func() bool { return !b.viewer.IsConnectionOpen() })
	dialLAN(t, b.Printer, "new", "zyxwvuts")

	for path, want := range map[string]int{"/printers/nobody": 404, here: 200} {
		if code, _ := controlled(t, f, http.MethodGet, path, ""); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	for _, body := range []string{`{"access_code":""}`, `{"code":"12345678"}`, ""} {
		if code, got := controlled(t, f, http.MethodPut, here+"/access-code", body); code != 400 || got["error"] == "" {
			t.Errorf("%s: %d %v", body, code, got)
		}
	}
	if code, _ := controlled(t, f, http.MethodPatch, here+"/faults", `{}`, "Origin"); code != 403 {
		t.Errorf("a page in a browser gets %d", code)
	}
}

func TestEveryFaultIsInTheManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/simulator.md")
	must(t, err)
	text, err := json.Marshal(Faults{})
	must(t, err)
	var faults map[string]any
	must(t, json.Unmarshal(text, &faults))
	for name, value := range faults {
		if !strings.Contains(string(manual), "\n| `"+name+"` | ") {
			t.Errorf("%s has no line", name)
		}
		parts, _ := value.(map[string]any)
		for part := range parts {
			if !strings.Contains(string(manual), "`"+part+"`: ") {
				t.Errorf("%s of %s is not explained", part, name)
			}
		}
	}
}
