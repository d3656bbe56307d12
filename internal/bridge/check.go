package bridge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// tellTime is how long a printer may take to tell its whole state (mqtt-lan: a
// pushall is answered within 10 s).
const tellTime = 10 * time.Second

// trial is the test of a printer on its way.
type trial struct {
	b    *Bridge
	lan  grove.LAN
	code grove.Secret
	out  grove.LANTest
}

// Test tries a printer step by step: its port, TLS, serial and key, access code,
// and what it tells. Whose link is up is not connected to a second time; with anew
// that link is ended first. It sends nothing but questions. Without a code it ends with
// who the printer is.
func (b *Bridge) Test(ctx context.Context, l grove.LAN, code grove.Secret, anew bool) grove.LANTest {
	t := &trial{b: b, lan: l.Complete(), code: code, out: grove.LANTest{Serial: l.Serial, Host: l.Host}}
	if !anew && b.connected(l.Serial) {
		t.up()
		return t.out
	}
	if err := t.run(ctx); err != nil {
		t.fail(err)
	}
	return t.out
}

// up is the test of a printer whose link is up.
func (t *trial) up() {
	t.out.Up, t.out.Pin = true, t.lan.Pin
	t.ok(grove.StepReachable, "connected over "+t.lan.Host)
	t.ok(grove.StepTLS, "")
	t.ok(grove.StepSerial, "it is "+t.lan.Serial)
	t.ok(grove.StepAccessCode, "")
}

func (t *trial) ok(s grove.LANStep, found string) {
	t.out.Findings = append(t.out.Findings, grove.LANFinding{Step: s, Verdict: grove.VerdictOK, Found: found})
}

// steps are those that a bridge tries; the others are read from what it was told.
var steps = []grove.LANStep{grove.StepReachable, grove.StepTLS, grove.StepSerial, grove.StepAccessCode}

// fail is told of the first step that did not go well; the rest is skipped.
func (t *trial) fail(err error) {
	why := troubleOf(err)
	verdict := grove.LANFinding{Verdict: grove.VerdictFailed, Found: why.found, Advice: why.advice, Reason: why.reason}
	for _, s := range steps[min(len(t.out.Findings), len(steps)):] {
		verdict.Step = s
		t.out.Findings = append(t.out.Findings, verdict)
		verdict = grove.LANFinding{Verdict: grove.VerdictSkipped}
	}
}

func (t *trial) run(ctx context.Context) error {
	raw, err := t.b.to(t.lan)(ctx, at(t.lan.Host, t.lan.MQTTS))
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	named := t.lan.Serial != ""
	t.ok(grove.StepReachable, "port "+raw.RemoteAddr().String()+" is open")
	var leaf *x509.Certificate
	conn, err := t.b.shake(ctx, raw, unknown(t.lan.Serial, &leaf))
	if err != nil {
		return err
	}
	t.ok(grove.StepTLS, "")
	if err := t.identify(leaf); err != nil {
		return err
	}
	if t.code == "" {
		return nil
	}
	release, err := t.b.hold(ctx, t.lan, named)
	if err != nil {
		return err
	}
	defer release()
	w := t.b.newWire(conn, t.lan.Serial)
	if err := w.enter(ctx, t.code); err != nil {
		return err
	}
	t.ok(grove.StepAccessCode, "")
	return t.listen(ctx, w)
}

// unknown is TLS with somebody who is yet to be judged. Nothing secret is said
// before that.
func unknown(serial string, leaf **x509.Certificate) *tls.Config {
	c := Trust{Serial: serial}.TLS(nil)
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("the printer showed no certificate")
		}
		*leaf = s.PeerCertificates[0]
		return nil
	}
	return c
}

// identify judges the certificate. Where no serial was given, it is who it says.
func (t *trial) identify(leaf *x509.Certificate) error {
	name := plainText(leaf.Subject.CommonName, 40)
	if t.lan.Serial == "" {
		if name == "" {
			return &trouble{reasonNoTLS, "what answers there has a certificate without a name, so it is no printer", "check the address", nil}
		}
		t.lan.Serial, t.out.Serial = leaf.Subject.CommonName, leaf.Subject.CommonName
		if known, _, ok := t.b.cfg.Places.LAN(t.lan.Serial); ok { // else its code would be told to whoever claims its name
			t.lan.Pin = known.Pin
		}
	}
	if err := t.b.trust(t.lan).judge(leaf); err != nil {
		return err
	}
	t.out.Pin = PinOf(leaf)
	t.ok(grove.StepSerial, "it is "+name)
	return nil
}

// questions are what a client asks after connecting. They are the bridge's own, since
// the fleet may not know the printer yet.
var questions = []string{
	`{"info":{"command":"get_version","sequence_id":"40000"}}`,
	`{"pushing":{"command":"pushall","sequence_id":"40000"}}`,
}

// listen asks for everything and reads until it has come, or does not.
func (t *trial) listen(ctx context.Context, w *wire) error {
	ctx, cancel := context.WithTimeout(ctx, min(tellTime, t.b.cfg.Silence))
	defer cancel()
	for _, q := range questions {
		if err := w.Send([]byte(q), time.Now().Add(maxAge), func() {}); err != nil {
			return err
		}
	}
	state, whole := bambu.NewState(), false
	err := w.run(ctx, func(payload []byte) bool {
		if v, ok := bambu.ParseVersions(payload); ok {
			t.out.Model, t.out.Firmware = v.Model, plainText(v.Firmware, 32)
		}
		if r, err := state.Merge(payload); err == nil && r.Full && r.Stated {
			whole = true
		}
		if whole && t.out.Model != "" {
			cancel()
		}
		return true
	})
	if whole {
		t.out.Told = state.JSON()
		return nil
	}
	if ctx.Err() != nil {
		return nil // it said nothing, which is for the next step to tell
	}
	return err
}
