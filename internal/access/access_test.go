package access

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

const goodPassword grove.Secret = "correct horse battery"

// testKey is made once: an RSA key costs a second under the race detector.
var testKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return der
})

// open opens records with a signing key in them.
func open(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{
		Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Secret(t.Context(), SigningKey, func() ([]byte, error) { return testKey(), nil }); err != nil {
		t.Fatal(err)
	}
	return db
}

// on makes an access over db with hashes that cost next to nothing.
func on(t testing.TB, db *store.DB, cfg Config) *Access {
	t.Helper()
	cfg.Records, cfg.Log = db, slog.New(slog.DiscardHandler)
	if cfg.Hashes == (Hashing{}) {
		cfg.Hashes = Hashing{MemoryKiB: 64, Passes: 1}
	}
	a, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func addUser(t testing.TB, a *Access, email string) grove.User {
	t.Helper()
	u, err := a.AddUser(t.Context(), email, goodPassword, "Somebody", grove.Operator)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func login(t testing.TB, a *Access, email string) Tokens {
	t.Helper()
	tokens, err := a.Login(t.Context(), Credentials{Account: email, Password: goodPassword, Client: "test", Remote: "127.0.0.1:5000"})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestASignInIsGoodUntilTheLogout(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	u := addUser(t, a, "Ann@Example.org ")
	var ended []string
	a.OnEnd(func(id string) { ended = append(ended, id) })

	tokens := login(t, a, " ann@example.ORG")
	if tokens.ExpiresIn != DefaultTokenLife || tokens.Refresh != tokens.Access || tokens.User.ID != u.ID {
		t.Errorf("tokens = %+v", tokens)
	}
	actor, err := a.Authenticate(t.Context(), string(tokens.Access))
	if err != nil {
		t.Fatal(err)
	}
	if actor.Kind != grove.ActorUser || actor.UserID != u.ID || actor.SessionID == "" {
		t.Errorf("actor = %+v", actor)
	}
	for range 2 { // a second logout changes nothing
		if err := a.Logout(t.Context(), actor); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Authenticate(t.Context(), string(tokens.Access)); !grove.HasReason(err, grove.ReasonTokenInvalid) {
		t.Errorf("after the logout: %v, want token_invalid", err)
	}
	if len(ended) == 0 || ended[0] != actor.SessionID {
		t.Errorf("told of the ends of %q, want %q", ended, actor.SessionID)
	}
}

func TestSignInAndOutAreInTheAudit(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	u := addUser(t, a, "ann@example.org")
	actor, err := a.Authenticate(t.Context(), string(login(t, a, u.Email).Access))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Logout(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	list, err := db.Audit(t.Context(), u.ID, grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list.Items {
		got = append(got, e.Actor+" "+e.Action)
	}
	me := "user:" + username(u.ID)[2:] + " "
	want := []string{me + "user.logout", me + "user.login", me + "user.create"}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("audit = %q, want %q", got, want)
	}
}

func TestALogoutElsewhereActsWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		here, there := on(t, db, Config{}), on(t, db, Config{})
		addUser(t, here, "ann@example.org")
		token := string(login(t, here, "ann@example.org").Access)
		actor, err := there.Authenticate(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if err := here.Logout(t.Context(), actor); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if _, err := there.Authenticate(t.Context(), token); !grove.HasReason(err, grove.ReasonTokenInvalid) {
			t.Errorf("a second after the logout elsewhere: %v, want token_invalid", err)
		}
	})
}

func TestATokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{TokenLife: time.Hour})
		addUser(t, a, "ann@example.org")
		token := string(login(t, a, "ann@example.org").Access)
		<-time.After(time.Hour - time.Second)
		if _, err := a.Authenticate(t.Context(), token); err != nil {
			t.Errorf("a second before the end: %v", err)
		}
		<-time.After(time.Second)
		if _, err := a.Authenticate(t.Context(), token); !grove.HasReason(err, grove.ReasonTokenExpired) {
			t.Errorf("at the end: %v, want token_expired", err)
		}
	})
}

func TestNobodyIsLetInWhileTheRecordsAreDown(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{Codes: CodesAny})
	addUser(t, a, "ann@example.org")
	token := login(t, a, "ann@example.org").Access
	db.Close()
	for what, try := range map[string]func() error{
		"login": func() error {
			_, err := a.Login(t.Context(), Credentials{Account: "ann@example.org", Password: goodPassword})
			return err
		},
		"authenticate": func() error { _, err := a.Authenticate(t.Context(), string(token)); return err },
		"setup": func() error {
			code, _ := a.SetupCode()
			_, err := a.Setup(t.Context(), code, "eve@example.org", goodPassword, "Eve")
			return err
		},
		"token over MQTT": func() error {
			_, err := a.Enter(t.Context(), MQTTCredentials{Username: "u_1", Password: token})
			return err
		},
		"access code": func() error {
			_, err := a.Enter(t.Context(), MQTTCredentials{Username: "bblp", Password: "12345678"})
			return err
		},
		"device secret": func() error {
			_, err := a.Enter(t.Context(), MQTTCredentials{Username: "SERIAL", Password: "x"})
			return err
		},
	} {
		if err := try(); !errors.Is(err, grove.Unavailable) {
			t.Errorf("%s = %v, want unavailable", what, err)
		}
	}
}

func TestTheSigningKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	first := on(t, db, Config{})
	addUser(t, first, "ann@example.org")
	token := login(t, first, "ann@example.org").Access
	if _, err := on(t, db, Config{}).Authenticate(t.Context(), string(token)); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if first.key.N.BitLen() != 2048 {
		t.Errorf("the key has %d bits", first.key.N.BitLen())
	}
}

func bindPrinter(t testing.TB, db *store.DB, p grove.Printer) {
	t.Helper()
	if p.Model == "" {
		p.Model = "C12"
	}
	p.BoundAt = time.Now().UTC()
	if _, err := db.BindPrinter(t.Context(), p, false); err != nil {
		t.Fatal(err)
	}
}

func secretHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func BenchmarkAuthenticate(b *testing.B) {
	a := on(b, open(b), Config{})
	addUser(b, a, "ann@example.org")
	token := string(login(b, a, "ann@example.org").Access)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(ctx, token); err != nil {
			b.Fatal(err)
		}
	}
}
