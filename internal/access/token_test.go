package access

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

// TestTokenPayloadSurvivesEveryBase64Decoder goes through ten thousand accounts.
// Signing each would take most of a minute, and signs what is looked at here.
func TestTokenPayloadSurvivesEveryBase64Decoder(t *testing.T) {
	t.Parallel()
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	for range 10_000 {
		id := []byte("ses_")
		for range rand.IntN(27) {
			id = append(id, letters[rand.IntN(len(letters))])
		}
		begun := time.Unix(rand.Int64N(1<<33), 0)
		s := grove.Session{
			ID: string(id), UserID: 1 + rand.Int64N(1<<rand.IntN(32)), CreatedAt: begun, ExpiresAt: begun.Add(time.Duration(1+rand.Int64N(1<<25)) * time.Second),
		}
		text, err := unsigned(s, asBearer).SigningString()
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.Split(text, ".")[1]
		if len(payload)%4 != 0 || strings.ContainsAny(payload, "-_=") {
			t.Fatalf("%+v: payload %q", s, payload)
		}
		claims, err := base64.StdEncoding.DecodeString(payload)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(claims, &got); err != nil {
			t.Fatal(err)
		}
		if got["username"] != username(s.UserID) || got["jti"] != s.ID || got["exp"] != float64(s.ExpiresAt.Unix()) {
			t.Fatalf("%+v: claims %s", s, claims)
		}
	}
}

func TestTokenSaysNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	addUser(t, a, "ann@example.org")
	token := string(login(t, a, "ann@example.org").Access)
	text, err := base64.StdEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k := range got {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	want := []string{"exp", "iat", "jti", "pad", "permissions", "user_id", "username"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(string(text), "ann@") {
		t.Errorf("the token has the e-mail address in it: %s", text)
	}
}

func TestOnlyOurOwnTokensCount(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := addUser(t, a, "ann@example.org")
	good := login(t, a, "ann@example.org").Access
	now := time.Now().UTC().Truncate(time.Second)
	session := grove.Session{ID: "ses_other", UserID: ann.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	if err := db.CreateSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	sign := func(s grove.Session) string {
		t.Helper()
		token, err := a.sign(s, asBearer)
		if err != nil {
			t.Fatal(err)
		}
		return string(token)
	}
	unsigned := func(m jwt.SigningMethod, key any) string {
		t.Helper()
		token, err := jwt.NewWithClaims(m, jwt.MapClaims{
			"jti": session.ID, "user_id": username(ann.ID)[2:], "exp": now.Add(time.Hour).Unix(),
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	parts := strings.Split(string(good), ".")
	for name, tc := range map[string]struct{ token, reason string }{
		"nothing":          {"", grove.ReasonNoCredential},
		"a word":           {"hello", grove.ReasonTokenInvalid},
		"three dots":       {"..", grove.ReasonTokenInvalid},
		"too long":         {strings.Repeat("A", maxToken+1), grove.ReasonTokenInvalid},
		"no signature":     {parts[0] + "." + parts[1] + ".", grove.ReasonTokenInvalid},
		"other payload":    {parts[0] + "." + strings.Split(sign(session), ".")[1] + "." + parts[2], grove.ReasonTokenInvalid},
		"alg none":         {unsigned(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), grove.ReasonTokenInvalid},
		"HMAC":             {unsigned(jwt.SigningMethodHS256, a.key.N.Bytes()), grove.ReasonTokenInvalid},
		"RS512":            {unsigned(jwt.SigningMethodRS512, a.key), grove.ReasonTokenInvalid},
		"trailing bits":    {string(good[:len(good)-1]) + nextLetter(good[len(good)-1]), grove.ReasonTokenInvalid},
		"expired":          {sign(grove.Session{ID: session.ID, UserID: ann.ID, CreatedAt: now.Add(-2 * time.Hour), ExpiresAt: now.Add(-time.Hour)}), grove.ReasonTokenExpired},
		"unknown session":  {sign(grove.Session{ID: "ses_nowhere", UserID: ann.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}), grove.ReasonTokenInvalid},
		"foreign session":  {sign(grove.Session{ID: session.ID, UserID: ann.ID + 1, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}), grove.ReasonTokenInvalid},
		"no session":       {sign(grove.Session{UserID: ann.ID, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}), grove.ReasonTokenInvalid},
		"a good one":       {string(good), ""},
		"a good other one": {sign(session), ""},
	} {
		_, err := a.Authenticate(t.Context(), tc.token)
		if tc.reason == "" && err != nil || tc.reason != "" && !grove.HasReason(err, tc.reason) {
			t.Errorf("%s: %v, want reason %q", name, err, tc.reason)
		}
		if err != nil && !strings.Contains(strings.ToLower(grove.AsError(err).Message), "please login") {
			t.Errorf("%s: the words %q do not ask to log in", name, grove.AsError(err).Message)
		}
	}
}

// nextLetter differs from c in the unused last bits of a signature only.
func nextLetter(c byte) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(letters[strings.IndexByte(letters, c)^1])
}

func FuzzAuthenticateLetsNobodyIn(f *testing.F) {
	a := on(f, open(f), Config{})
	addUser(f, a, "ann@example.org")
	good := string(login(f, a, "ann@example.org").Access)
	f.Add("")
	f.Add("a.b.c")
	f.Add(good[:len(good)-2])
	f.Add(good + " ")
	f.Add("eyJhbGciOiJub25lIn0.eyJqdGkiOiJzZXNfMSJ9.")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := a.Authenticate(t.Context(), token)
		if token != good && grove.AsError(err).Code != grove.Unauthenticated {
			t.Errorf("Authenticate(%q) = %v", token, err)
		}
	})
}
