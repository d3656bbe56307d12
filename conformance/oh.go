package conformance

import (
	"fmt"
	"net/http"
	"time"
)

// openHAB only knows accounts that are sent a code; it gives a login three seconds.
func openHAB(p *player) {
	const step, budget = "asks for a code", 3 * time.Second
	start := time.Now()
	a, _, err := p.send(call{at: login, body: map[string]any{"account": p.cfg.Account, "password": string(p.cfg.Password)}, open: true})
	took := time.Since(start)
	switch {
	case err != nil:
		p.check(step, login, "an answer", err.Error())
	case a.status != http.StatusOK || a.broken != nil || a.str("loginType") != "verifyCode":
		p.skip(step, login, "the account signs in with a password alone, which this client can't")
	default:
		problem := join(halfway("verifyCode").look(a.json).problems)
		if took > budget {
			problem = fmt.Sprintf("it took longer than %s", budget)
		}
		p.check(step, login, "a verifyCode answer within 3 s", problem)
		p.withCode(entrance{reads: fields{"accessToken": filled, "expiresIn": integer}, code: true})
	}
	if t := a.str("accessToken"); t != "" { // it would not have looked for one
		p.own = t
	}
	p.badPassword(fields{"code": integer, "error": filled}, nil)
	p.watch(request{step: "watches a printer", publish: []string{pushAll}})
}
