package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captured are reports as printers send them.
func captured(tb testing.TB) [][]byte {
	tb.Helper()
	names, err := filepath.Glob("../../bambu/testdata/*.json")
	if err != nil || len(names) < 3 {
		tb.Fatalf("reports %q %v", names, err)
	}
	var all [][]byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil {
			tb.Fatal(err)
		}
		all = append(all, compact.Bytes())
	}
	return all
}

// printed is what the standard library makes of JSON.
func printed(payload []byte) (string, bool) {
	var b bytes.Buffer
	err := json.Indent(&b, payload, "", "    ")
	return b.String(), err == nil
}

func TestAReportIsIndentedAsPrintersDo(t *testing.T) {
	t.Parallel()
	all := append(captured(t), []byte(`{}`), []byte(`{"a" :[ ] , "b":{ }, "c":[1,-2.50e+7,{"d":null}],"e":"\"{[,:\\"}`),
		[]byte("{\n\t\"a\": [\r\n1, true]\n}"), []byte(`{"f":0.4000000059604645,"g":"3EC18FFF9CFF","h":-1066934785}`))
	for _, payload := range all {
		want, ok := printed(payload)
		if got := string(indented(payload)); got != strings.TrimSpace(want) || !ok {
			t.Errorf("%s became\n%s", payload, got)
		}
		if once := indented(payload); string(indented(once)) != string(once) {
			t.Errorf("%s changes when it is indented again", payload)
		}
	}
	for _, payload := range []string{"", "]", "[1, 2]", "from A1", ` {"a":1}`, `{"a":1`, `{"a`, "{\"a\":1}\x00}", `{"a":` + strings.Repeat("[", 100_000), `{"a":` + strings.Repeat("[", 60) + strings.Repeat("0,", 10_000) + "0" + strings.Repeat("]", 60) + "}"} {
		if got := indented([]byte(payload)); string(got) != payload {
			t.Errorf("%.40q became %.80q", payload, got)
		}
	}
}

// Whoever holds an access code gets what a printer would say, everybody else what it
// said.
func TestOnlyClientsOfOnePrinterReadItIndented(t *testing.T) {
	t.Parallel()
	const said = `{"print":{"command":"push_status","nozzle_temper":25.03125}}`
	pretty, _ := printed([]byte(said))
	for _, version := range []byte{4, 5} {
		r := start(t, nil)
		owner, code, printer := r.join(t, connect{user: "u_1", version: version}), r.join(t, connect{user: "bblp@A1", version: version}), r.join(t, connect{user: "A1"})
		owner.subscribe(0, "#")
		code.subscribe(0, reportA1)
		printer.publish(reportA1, said)
		owner.hears(reportA1, said)
		code.hears(reportA1, pretty)
		printer.publish(reportA1, pretty)
		owner.hears(reportA1, pretty)
		code.hears(reportA1, pretty)
	}
}

func FuzzIndented(f *testing.F) {
	for _, payload := range captured(f) {
		f.Add(payload)
	}
	f.Add([]byte(`{"a":["\u0000\"",{}],"b":1e5}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got := indented(payload)
		if len(got) > 16*len(payload)+2048 {
			t.Fatalf("%d bytes became %d", len(payload), len(got))
		}
		want, ok := printed(payload)
		if ok && !bytes.Equal(got, payload) && strings.TrimSpace(want) != string(got) {
			t.Fatalf("%q became %q", payload, got)
		}
	})
}

// The cost is one indentation a report, however many clients of the printer watch.
func BenchmarkTellIndented(b *testing.B) {
	var payload []byte
	for _, p := range captured(b) {
		if len(p) > len(payload) {
			payload = p
		}
	}
	for _, form := range []struct {
		name   string
		indent bool
	}{{"as it came", false}, {"indented", true}} {
		for _, viewers := range []int{1, 50} {
			b.Run(fmt.Sprintf("%s/%d viewers", form.name, viewers), func(b *testing.B) {
				b.SetBytes(int64(len(payload)))
				b.ReportAllocs()
				for b.Loop() {
					m := message{serial: "01P00A000000001", payload: payload}
					for range viewers {
						m.encoded(false, form.indent)
					}
				}
			})
		}
	}
}
