package conformance

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238, as every authenticator has it
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

const (
	login      = "POST /v1/user-service/user/login"
	withCode   = "the account wants a code by e-mail"
	withFactor = "the account wants a code of its authenticator"
	noFactor   = "the account has no authenticator"
)

// entrance is how a client signs in.
type entrance struct {
	body    map[string]any                      // beside account and password
	reads   fields                              // of a full login
	code    bool                                // it can give a code sent by e-mail
	sends   bool                                // and asks for one by itself; the others trust the server to
	factor  func(p *player, key string) string  // gives the second factor and reads the token; nil: it can't
	success func(p *player, a answer, t string) // when the token is there; nil: nothing
}

// signIn is the first thing that clients do. One that can't give what the account
// wants goes on with the token that another client got.
func (p *player) signIn(e entrance) {
	body := map[string]any{"account": p.cfg.Account, "password": string(p.cfg.Password)}
	maps.Copy(body, e.body)
	kind := ""
	a, ok := p.ask(call{
		step: "signs in with a password", at: login, body: body, open: true, reads: fields{},
		also: func(a answer) string {
			if kind = a.str("loginType"); kind == "verifyCode" || kind == "tfa" {
				return join(halfway(kind).look(a.json).problems)
			}
			return join(e.reads.look(a.json).problems)
		},
	})
	switch {
	case !ok:
	case kind == "verifyCode":
		p.withCode(e)
	case kind == "tfa":
		p.second(e, a)
	default:
		p.signedIn(e, a, a.str("accessToken"))
	}
}

// halfway is the answer that asks for more.
func halfway(loginType string) fields {
	f := fields{"accessToken": exactly(""), "refreshToken": exactly(""), "tfaKey": exactly(""), "loginType": exactly(loginType)}
	if loginType == "tfa" {
		f["tfaKey"] = filled
	}
	return f
}

// withCode signs in with a code that the server sent by e-mail.
func (p *player) withCode(e entrance) {
	const step = "signs in with a code"
	if !e.code {
		return // the client has no way to give one, on any server
	}
	with := func(code string) map[string]any { return map[string]any{"account": p.cfg.Account, "code": code} }
	p.ask(call{
		step: "is told of a wrong code", at: login, body: with("000000"), open: true, status: []int{http.StatusBadRequest},
		reads: fields{"code": numbered("1", "2"), "error": filled},
	})
	if e.sends {
		p.ask(call{step: "asks for a code", at: "POST " + user + "/user/sendemail/code", body: map[string]any{"email": p.cfg.Account, "type": "codeLogin"}, open: true})
	}
	if p.cfg.Code == nil {
		p.skip(step, login, withCode+", which this run can't read")
		return
	}
	code, err := p.cfg.Code(p.ctx)
	if err != nil {
		p.check(step, login, "a code to send", err.Error())
		return
	}
	if a, ok := p.ask(call{step: step, at: login, body: with(code), open: true, reads: e.reads}); ok {
		p.signedIn(e, a, a.str("accessToken"))
	}
}

func (p *player) second(e entrance, a answer) {
	const at = "POST /api/sign-in/tfa"
	switch {
	case e.factor == nil: // the client has no way to give one, on any server
	case p.cfg.TOTP == "":
		p.skip("signs in with an authenticator", at, withFactor+"; give its secret with --totp")
	default:
		p.signedIn(e, a, e.factor(p, a.str("tfaKey")))
	}
}

func (p *player) signedIn(e entrance, a answer, token string) {
	if token == "" {
		return
	}
	p.own, p.refresh = token, a.str("refreshToken")
	if p.token == "" {
		p.token = token
	}
	if e.success != nil {
		e.success(p, a, token)
	}
}

// renewed goes on with a newer token: the older may have ended.
func (p *player) renewed(token string) {
	if p.token == p.own {
		p.token = token
	}
	p.own = token
}

// signOut ends a client's own session. It is not a step: few clients do it.
func (p *player) signOut() {
	if p.own == "" || p.own == p.token {
		return
	}
	_, _, _ = p.send(call{at: "POST /v1/user-service/my/logout", body: map[string]any{"refreshtoken": ""}})
}

// badPassword signs in as nobody, so that no real account is locked.
func (p *player) badPassword(reads fields, also func(answer) string) {
	p.ask(call{
		step: "is told of a wrong password", at: login, open: true, status: []int{http.StatusBadRequest},
		body:  map[string]any{"account": "conformance-" + random() + "@example.org", "password": "wrong"},
		reads: reads, also: also,
	})
}

func random() string { return strings.ToLower(rand.Text()[:10]) }

// oneTime is the authenticator's code of this moment, never the same twice: a
// server may refuse one that was used.
func (p *player) oneTime() (string, error) {
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.TrimRight(string(p.cfg.TOTP), "=")))
	if err != nil {
		return "", fmt.Errorf("the authenticator's secret is not base32: %w", err)
	}
	for {
		now := time.Now()
		code := codeAt(key, now)
		if code != p.code {
			p.code = code
			return code, nil
		}
		if !p.wait(now.Truncate(period).Add(period).Sub(now)) {
			return "", p.ctx.Err()
		}
	}
}

const period = 30 * time.Second

// codeAt is RFC 6238 with six digits.
func codeAt(key []byte, t time.Time) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(t.Unix()/int64(period/time.Second))) //nolint:gosec // not before 1970
	h := hmac.New(sha1.New, key)
	_, _ = h.Write(counter[:])
	sum := h.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:])&0x7fffffff)%1_000_000)
}

// factor asks with an authenticator's code; the caller says what it reads.
func (p *player) factor(c call, key string) (answer, bool) {
	code, err := p.oneTime()
	if err != nil {
		return answer{}, p.check(c.step, c.at, "a code to send", err.Error())
	}
	c.body = map[string]any{"tfaKey": key, "tfaCode": code}
	c.open = true
	return p.ask(c)
}

// payload decodes the middle of a JWT as several clients do: with the standard
// alphabet, which has no - and _, and without adding what is missing at the end.
func payload(token string) (map[string]any, string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, "the token has no three parts"
	}
	raw, err := base64.StdEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, "its payload is not whole standard base64: " + err.Error()
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return nil, "its payload is not a JSON object"
	}
	return claims, ""
}

// readsToken checks that the user's name is in the token. A token that is opaque is
// fine for clients that look elsewhere then.
func (p *player) readsToken(token string, opaque bool) {
	const step, expected = "reads the user from the token", `a payload in standard base64 with a username like "u_1000001"`
	if opaque && strings.Count(token, ".") != 2 {
		p.skip(step, login, "the token is opaque, and the client asks for the user then")
		return
	}
	claims, problem := payload(token)
	name, _ := claims["username"].(string)
	if problem == "" && (!strings.HasPrefix(name, "u_") || !isDecimal(name[2:])) {
		problem = "its username is " + shown(claims["username"])
	}
	if p.check(step, login, expected, problem) {
		p.uid = name[2:]
	}
}

func join(problems []string) string { return strings.Join(problems, "; ") }
