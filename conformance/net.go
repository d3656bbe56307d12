package conformance

// bambuNET is a .NET library: a login that gives no token at once is lost on it,
// and a token whose payload it can't decode makes it throw.
func bambuNET(p *player) {
	p.signIn(entrance{
		reads: fields{"accessToken": filled},
		success: func(p *player, _ answer, token string) {
			p.readsToken(token, false)
		},
	})
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].dev_product_name": text,
	}})
	p.ask(call{step: "lists prints", at: tasks, reads: fields{"total": integer, "hits[].id": integer, "hits[].title": text, "hits[].status": integer, "hits[].deviceId": text}})
}
