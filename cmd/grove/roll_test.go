package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Files are as spreadsheets write them, and the dashboard reads them by the same rules.
func TestAFleetsFileIsReadAsItComes(t *testing.T) {
	t.Parallel()
	type printer struct {
		Line       int
		Host, Name string
		Bad        string
	}
	for apart, what := range map[string]string{",": "commas", ";": "semicolons", "\t": "tabs"} {
		fields := func(all ...string) string { return strings.Join(all, apart) + "\r\n" }
		text := "\ufeff# of the hall, second row; left\r\n" + fields("Host", "access_code", "name", "mqtts_port") +
			fields("192.0.2.7", "12345678", `"Left, ""the;`+"\t"+`old"" one"`, "") +
			fields("192.0.2.8", "", "Nocode", "") +
			fields("", "", "", "") +
			fields("192.0.2.9", "12345678", "Noport", "mqtt") +
			fields("192.0.2.9", "12345678", "Short") +
			fields("192.0.2.9", "12345678", `"Quo"ted`, "")
		lines, err := parseRoll(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		var got []printer
		for _, l := range lines {
			p := printer{Line: l.number, Host: l.in.Host, Name: l.in.Name}
			if l.err != nil {
				p = printer{Line: l.number, Bad: l.err.Error()}
			}
			got = append(got, p)
		}
		want := []printer{
			{Line: 3, Host: "192.0.2.7", Name: "Left, \"the;\told\" one"},
			{Line: 4, Bad: "host and access_code must both be there"},
			{Line: 6, Bad: `mqtts_port is "mqtt", which is no port`},
			{Line: 7, Bad: "the line has 3 fields and the first line names 4"},
			{Line: 8, Bad: `the line can't be read: extraneous or missing " in quoted-field`},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	for text, want := range map[string]string{
		"":                             "no first line",
		"192.0.2.7,12345678\n":         "no column is called",
		"host,name\n192.0.2.7,Bench\n": "access_code is missing",
		"host;access_code\n;\n":        "names no printer",
	} {
		if _, err := parseRoll(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
