package conformance

// octoEverywhere asks for little: who the user is, and the printers' access codes.
func octoEverywhere(p *player) {
	p.signIn(entrance{
		reads: fields{"accessToken": filled, "tfaKey": exactly(""), "loginType": text},
		code:  true, sends: true,
		success: func(p *player, _ answer, token string) {
			p.readsToken(token, true)
		},
	})
	p.badPassword(nil, nil)
	p.ask(call{step: "reads its user from a project", at: "GET " + iot + "/user/project", reads: fields{"projects[].user_id": decimal}})
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].dev_access_code": accessCode,
	}})
}
