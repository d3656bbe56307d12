package access

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	lan      = netip.MustParseAddr("192.168.1.20")
	internet = netip.MustParseAddr("203.0.113.5")
)

func TestThreeWaysIntoTheBroker(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann, bob := addUser(t, a, "ann@example.org"), addUser(t, a, "bob@example.org")
	token := login(t, a, "ann@example.org").Access
	session, err := a.Authenticate(t.Context(), string(token))
	if err != nil {
		t.Fatal(err)
	}
	bindPrinter(t, db, grove.Printer{Serial: "01P00A000000001", OwnerID: ann.ID, AccessCode: "11111111", DeviceSecretHash: secretHash("sesame")})
	bindPrinter(t, db, grove.Printer{Serial: "01P00A000000002", OwnerID: ann.ID, AccessCode: "22222222", DeviceSecretHash: secretHash("open")})
	bindPrinter(t, db, grove.Printer{Serial: "01P00A000000003", OwnerID: bob.ID, AccessCode: "22222222"})

	user := grove.Actor{Kind: grove.ActorUser, UserID: ann.ID, SessionID: session.SessionID}
	code := func(n string) grove.Actor { return grove.Actor{Kind: grove.ActorCode, Serial: "01P00A00000000" + n} }
	printer := grove.Actor{Kind: grove.ActorPrinter, Serial: "01P00A000000001"}
	u := username(ann.ID)
	for i, tc := range []struct {
		name, user string
		password   grove.Secret
		sni        string
		want       grove.Actor // zero: Unauthenticated
	}{
		{"a user", u, token, "", user},
		{"a user through a named server", u, token, "grove.example.org", user},
		{"another user's name", username(bob.ID), token, "", grove.Actor{}},
		{"a user's name in another spelling", "u_0" + u[2:], token, "", grove.Actor{}},
		{"a token that is none", u, "hello", "", grove.Actor{}},
		{"no token", u, "", "", grove.Actor{}},
		{"a code of one printer", "bblp", "11111111", "", code("1")},
		{"a code and its serial", "bblp", "11111111", "01P00A000000001", code("1")},
		{"a code and its serial in small letters", "bblp", "11111111", "01p00a000000001", code("1")},
		{"a code and the server's name", "bblp", "11111111", "grove.local", code("1")},
		{"a code and another printer's serial", "bblp", "11111111", "01P00A000000002", grove.Actor{}},
		{"a code and another serial in small letters", "bblp", "11111111", "01p00a000000002", grove.Actor{}},
		{"a shared code", "bblp", "22222222", "", grove.Actor{}},
		{"a shared code and the server's name", "bblp", "22222222", "grove.local", grove.Actor{}},
		{"a shared code and a serial", "bblp", "22222222", "01P00A000000003", code("3")},
		{"a code of nobody", "bblp", "99999999", "", grove.Actor{}},
		{"no code", "bblp", "", "01P00A000000001", grove.Actor{}},
		{"a printer", "01P00A000000001", "sesame", "", printer},
		{"a printer with another's secret", "01P00A000000001", "open", "", grove.Actor{}},
		{"a printer with its code", "01P00A000000001", "11111111", "", grove.Actor{}},
		{"a printer without secret", "01P00A000000003", "", "", grove.Actor{}},
		{"a printer with the hash itself", "01P00A000000001", grove.Secret(secretHash("sesame")), "", grove.Actor{}},
		{"a printer with the placeholder", "01P00A000000003", noSecret, "", grove.Actor{}},
		{"a serial in another case", "01p00a000000001", "sesame", "", grove.Actor{}},
		{"an unknown serial", "01P00A000000009", "sesame", "", grove.Actor{}},
		{"rubbish", "\x00\xff", "sesame", "", grove.Actor{}},
		{"nobody", "", "", "", grove.Actor{}},
	} {
		remote := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) // each from its own address
		got, err := a.Enter(t.Context(), MQTTCredentials{Username: tc.user, Password: tc.password, SNI: tc.sni, Remote: remote})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s %v", tc.name, diff, err)
		}
		if tc.want == (grove.Actor{}) && !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("%s: %v, want unauthenticated", tc.name, err)
		}
	}
}

func TestAnUnboundPrinterHasNoWayIn(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := addUser(t, a, "ann@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, AccessCode: "11111111", DeviceSecretHash: secretHash("sesame")})
	if err := db.UnbindPrinter(t.Context(), "P1", ann.ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []MQTTCredentials{
		{Username: "P1", Password: "sesame", Remote: loopback},
		{Username: "bblp", Password: "11111111", Remote: loopback},
	} {
		if _, err := a.Enter(t.Context(), c); !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("%s after unbinding: %v", c.Username, err)
		}
	}
}

func TestThePolicySaysFromWhereCodesCount(t *testing.T) {
	t.Parallel()
	db := open(t)
	ann := addUser(t, on(t, db, Config{}), "ann@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, AccessCode: "11111111", DeviceSecretHash: secretHash("sesame")})
	home := []string{"127.0.0.1", "::1", "192.168.1.20", "10.1.2.3", "::ffff:172.16.0.1", "fd00::1", "fe80::1%eth0", "169.254.3.4"}
	away := []string{"203.0.113.5", "100.64.0.1", "2001:db8::1", "::ffff:203.0.113.5", "0.0.0.0", ""}
	for policy, want := range map[CodePolicy][2]bool{CodesOff: {false, false}, CodesPrivate: {true, false}, CodesAny: {true, true}, "": {true, false}} {
		a := on(t, db, Config{Codes: policy})
		for i, addrs := range [][]string{home, away} {
			for _, addr := range addrs {
				remote, _ := netip.ParseAddr(addr) // "" is an address that is not known
				_, err := a.Enter(t.Context(), MQTTCredentials{Username: "bblp", Password: "11111111", Remote: remote})
				if (err == nil) != want[i] || err != nil && !errors.Is(err, grove.Forbidden) {
					t.Errorf("policy %q from %q: %v", policy, addr, err)
				}
				if _, err := a.Enter(t.Context(), MQTTCredentials{Username: "P1", Password: "sesame", Remote: remote}); err != nil {
					t.Errorf("policy %q keeps a printer out at %q: %v", policy, addr, err)
				}
			}
		}
	}
	if _, err := ParseCodePolicy("some"); !errors.Is(err, grove.Invalid) {
		t.Errorf("an unknown policy: %v", err)
	}
}

// tryCode comes with a wrong code and says how long it must wait.
func tryCode(t *testing.T, a *Access, remote netip.Addr) (wait time.Duration, tried bool) {
	t.Helper()
	_, err := a.Enter(t.Context(), MQTTCredentials{Username: "bblp", Password: "00000000", Remote: remote})
	if errors.Is(err, grove.Limited) {
		return grove.AsError(err).RetryAfter, false
	}
	if !errors.Is(err, grove.Unauthenticated) {
		t.Fatalf("a wrong code: %v", err)
	}
	return 0, true
}

func TestWrongCodesCloseAnAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		a := on(t, db, Config{})
		ann := addUser(t, a, "ann@example.org")
		bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, AccessCode: "11111111", DeviceSecretHash: secretHash("sesame")})
		if err := enterCode(t, a, lan, "11111111", ""); err != nil { // no stranger
			t.Fatal(err)
		}
		for range 4 { // four bursts of five
			for i := range 5 {
				if wait, tried := tryCode(t, a, lan); !tried {
					t.Fatalf("try %d refused for %s", i, wait)
				}
			}
			if _, tried := tryCode(t, a, lan); tried {
				t.Fatal("a sixth code within a minute was tried")
			}
			<-time.After(time.Minute)
		}
		if wait, tried := tryCode(t, a, lan); tried || wait != 14*time.Minute {
			t.Errorf("after 20 wrong codes: wait %s (tried %t), want 14 minutes more", wait, tried)
		}
		_, err := a.Enter(t.Context(), MQTTCredentials{Username: "P1", Password: "sesame", Remote: lan})
		if err != nil {
			t.Errorf("a printer behind the same address is shut out: %v", err)
		}
		if _, tried := tryCode(t, a, loopback); !tried {
			t.Error("another address is shut out")
		}
		<-time.After(14 * time.Minute)
		if _, tried := tryCode(t, a, lan); !tried {
			t.Error("refused for longer than 15 minutes")
		}
	})
}

// enterCode comes with an access code, and a server name.
func enterCode(t *testing.T, a *Access, remote netip.Addr, code grove.Secret, sni string) error {
	t.Helper()
	_, err := a.Enter(t.Context(), MQTTCredentials{Username: "bblp", Password: code, SNI: sni, Remote: remote})
	return err
}

// stranger is the n-th address of somebody who was never here.
func stranger(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)})
}

// guessCodes has strangers come with wrong codes until one is refused, and says how many
// were heard.
func guessCodes(t *testing.T, a *Access, from int, sni string) int {
	t.Helper()
	for n := range 100 {
		err := enterCode(t, a, stranger(from+n), "00000000", sni)
		if errors.Is(err, grove.Limited) {
			return n
		}
		if !errors.Is(err, grove.Unauthenticated) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	return 100
}

// twoPrinters are ann's P1 and P2, whose codes are eight ones and eight twos.
func twoPrinters(t *testing.T, db *store.DB, a *Access) {
	t.Helper()
	ann := addUser(t, a, "ann@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, AccessCode: "11111111"})
	bindPrinter(t, db, grove.Printer{Serial: "P2", OwnerID: ann.ID, AccessCode: "22222222"})
}

func TestCodesGuessedFromEverywhereShutStrangersOut(t *testing.T) {
	t.Parallel()
	for name, sni := range map[string]string{"without a name": "", "by this server's name": "grove.local", "by a serial": "P1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := open(t)
				a := on(t, db, Config{Codes: CodesAny})
				twoPrinters(t, db, a)
				if err := enterCode(t, a, lan, "11111111", sni); err != nil {
					t.Fatal(err)
				}
				for day := range 2 {
					for round := range 3 { // three times ten make thirty
						if n := guessCodes(t, a, day<<12|round<<8, sni); n != 10 {
							t.Fatalf("day %d, round %d: %d wrong codes were heard", day, round, n)
						}
						if err := enterCode(t, a, internet, "11111111", sni); !errors.Is(err, grove.Limited) {
							t.Errorf("an unknown address after ten wrong codes: %v, want limited", err)
						}
						if err := enterCode(t, a, lan, "11111111", sni); err != nil {
							t.Errorf("an address that came in lately: %v", err)
						}
						<-time.After(15 * time.Minute)
					}
					if wait := grove.AsError(enterCode(t, a, internet, "11111111", sni)).RetryAfter; wait != 24*time.Hour-15*time.Minute {
						t.Errorf("after thirty wrong codes an unknown address waits %s more, want a day", wait)
					}
					<-time.After(24*time.Hour - 15*time.Minute)
				}
				if err := enterCode(t, a, internet, "11111111", sni); err != nil {
					t.Errorf("an unknown address a day later: %v", err)
				}
			})
		})
	}
}

func TestGuessesAtOnePrinterAreNotThoseAtAnother(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{Codes: CodesAny})
	twoPrinters(t, db, a)
	if n := guessCodes(t, a, 0, "p1"); n != 10 { // as TLS libraries spell it
		t.Fatalf("%d wrong codes were heard", n)
	}
	if err := enterCode(t, a, internet, "11111111", "P1"); !errors.Is(err, grove.Limited) {
		t.Errorf("P1: %v, want limited", err)
	}
	for _, sni := range []string{"P2", ""} {
		if err := enterCode(t, a, stranger(1<<9), "22222222", sni); err != nil {
			t.Errorf("P2 by the server name %q: %v", sni, err)
		}
	}
	if wait := a.CodeWait("P1"); wait <= 0 {
		t.Error("who wants to take P1 over may still guess")
	}
}

func TestWhoeverSignsInIsNoStrangerToAccessCodes(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{Codes: CodesAny})
	twoPrinters(t, db, a)
	guessCodes(t, a, 0, "")
	if err := enterCode(t, a, loopback, "11111111", ""); !errors.Is(err, grove.Limited) {
		t.Fatalf("before: %v, want limited", err)
	}
	login(t, a, "ann@example.org") // from loopback
	if err := enterCode(t, a, loopback, "11111111", ""); err != nil {
		t.Errorf("after: %v", err)
	}
}

func TestAMisconfiguredPrinterShutsOnlyItselfOut(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := addUser(t, a, "ann@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, DeviceSecretHash: secretHash("one")})
	bindPrinter(t, db, grove.Printer{Serial: "P2", OwnerID: ann.ID, DeviceSecretHash: secretHash("two")})
	var err error
	for range 6 {
		_, err = a.Enter(t.Context(), MQTTCredentials{Username: "P1", Password: "old", Remote: internet})
	}
	if !errors.Is(err, grove.Limited) {
		t.Errorf("the sixth wrong secret: %v, want limited", err)
	}
	if _, err := a.Enter(t.Context(), MQTTCredentials{Username: "P2", Password: "two", Remote: internet}); err != nil {
		t.Errorf("its neighbour: %v", err)
	}
}

func FuzzEnterLetsNobodyIn(f *testing.F) {
	db := open(f)
	a := on(f, db, Config{Codes: CodesAny})
	ann := addUser(f, a, "ann@example.org")
	bindPrinter(f, db, grove.Printer{Serial: "P1", OwnerID: ann.ID, AccessCode: "f00dcafe", DeviceSecretHash: secretHash("a very long secret")})
	f.Add("bblp", "12345678", "P1")
	f.Add("u_1000001", "a.b.c", "")
	f.Add("P1", "", "")
	f.Add("", "", "\x00")
	f.Fuzz(func(t *testing.T, user, password, sni string) {
		if password == "f00dcafe" || password == "a very long secret" {
			return
		}
		actor, err := a.Enter(t.Context(), MQTTCredentials{Username: user, Password: grove.Secret(password), SNI: sni, Remote: loopback})
		if err == nil || errors.Is(err, grove.Internal) || actor != (grove.Actor{}) {
			t.Errorf("Enter(%q, %q, %q) = %+v, %v", user, password, sni, actor, err)
		}
	})
}
