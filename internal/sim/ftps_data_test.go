package sim

import (
	"bytes"
	"crypto/tls"
	"io"
	"testing"
	"time"
)

func TestDataMustResumeTheSessionOfItsControl(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]int{"X1C": 522, "P1S": 522, "A1": 226, "P2S": 226} {
		b := fileServer(t, model, Card{})
		g := signedInFTP(t, b.Printer)
		raw := g.passive()
		g.ask(150, "NLST")
		fresh := tls.Client(raw, printerTLS(b.Serial()))
		_, err := io.ReadAll(fresh)
		if want == 226 {
			must(t, err)
		}
		g.answer(want)
		if want == 522 {
			if _, err := g.text.ReadLine(); err == nil {
				t.Errorf("%s: the session goes on", model)
			}
		}
		// A session of another control connection is none of this one.
		g, other := signedInFTP(t, b.Printer), signedInFTP(t, b.Printer)
		g.secure = other.secure
		raw = g.passive()
		g.ask(150, "NLST")
		_, _ = io.ReadAll(tls.Client(raw, g.secure))
		g.answer(want)
	}
}

func TestClearDataOnlyWhereEncryptedDataHangs(t *testing.T) {
	t.Parallel()
	g := signedInFTP(t, fileServer(t, "P1S", Card{}).Printer)
	g.ask(200, "PROT C")
	g.passive()
	g.ask(522, "NLST")

	b := fileServer(t, "A1 mini", Card{})
	b.goWrong(Faults{Files: FileFaults{Hang: true}})
	g = signedInFTP(t, b.Printer)
	raw := g.passive()
	g.ask(150, "NLST")
	_, err := io.ReadAll(tls.Client(raw, g.secure))
	must(t, err)
	g.ask(200, "NOOP") // the answer to this, not to the transfer
	g.ask(200, "PROT C")
	raw = g.passive()
	g.ask(150, "NLST")
	names, err := io.ReadAll(raw)
	must(t, err)
	g.answer(226)
	if string(names) != "cache\r\ntimelapse\r\n" {
		t.Errorf("names %q", names)
	}
}

func TestOneTransferAtATime(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{})
	first, second := signedInFTP(t, b.Printer), signedInFTP(t, b.Printer)
	raw := first.passive()
	first.ask(150, "STOR /a")
	data := tls.Client(raw, first.secure)
	must(t, data.Handshake())
	second.passive()
	second.ask(425, "STOR /b")
	must(t, data.Close())
	first.answer(226)
	second.send(226, "/b", []byte("b"))
}

func TestTransfersGoWrongAsAsked(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("x"), 100_000)
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		b := fileServer(t, "P1S", Card{})
		b.goWrong(Faults{Files: FileFaults{CutAfterBytes: 70_000}})
		g := signedInFTP(t, b.Printer)
		raw := g.passive()
		g.ask(150, "STOR /a")
		data := tls.Client(raw, g.secure)
		_, _ = data.Write(content)
		if line, err := g.text.ReadLine(); err == nil {
			t.Errorf("after the cut: %s", line)
		}
		b.goWrong(Faults{Files: FileFaults{}})
		g = signedInFTP(t, b.Printer)
		if got := g.ask(213, "SIZE /a"); got != "70000" {
			t.Errorf("%s bytes are left", got)
		}
		g.send(226, "/a", content)
	})
	t.Run("a false end", func(t *testing.T) {
		t.Parallel()
		b := fileServer(t, "P2S", Card{})
		b.goWrong(Faults{Files: FileFaults{FalseEnd: true}})
		g := signedInFTP(t, b.Printer)
		g.send(426, "/a", content)
		if got := g.ask(213, "SIZE /a"); got != "100000" {
			t.Errorf("%s bytes are there", got)
		}
	})
	t.Run("slow, and a late end", func(t *testing.T) {
		t.Parallel()
		b := fileServer(t, "H2D", Card{})
		b.goWrong(Faults{Files: FileFaults{BytesPerSecond: 500_000, LateEndSeconds: 0.2}})
		g := signedInFTP(t, b.Printer)
		begun := time.Now()
		g.send(226, "/a", content)
		if took := time.Since(begun); took < 400*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// A connection that ends without TLS's goodbye, between two of its records, looks
// like the end of the file, as it does to a vsFTPd.
func TestAnUploadThatBreaksOffIsConfirmedAndOnlyItsSizeTells(t *testing.T) {
	t.Parallel()
	b := fileServer(t, "P1S", Card{})
	g := signedInFTP(t, b.Printer)
	raw := g.passive()
	g.ask(150, "STOR /a")
	data := tls.Client(raw, g.secure)
	_, err := data.Write([]byte("half"))
	must(t, err)
	must(t, raw.Close())
	g.answer(226)
	if got := g.ask(213, "SIZE /a"); got != "4" {
		t.Errorf("%s bytes are left", got)
	}
}
