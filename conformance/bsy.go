package conformance

import "net/http"

// bambuSync exports metrics: numbers of every print and spool. It has a real
// setting for the base URL and a token from a file.
func bambuSync(p *player) {
	read := fields{"hits[].id": integer, "hits[].title": text, "hits[].deviceId": text, "hits[].deviceName": text, "hits[].bedType": text}
	for _, name := range []string{"status", "costTime", "plateIndex"} {
		read["hits[]."+name] = integer
	}
	read["hits[].weight"], read["hits[].length"] = number, number
	read["hits[].startTime"], read["hits[].endTime"] = orNull(text), orNull(text)
	p.ask(call{step: "counts prints", at: tasks, path: user + "/my/tasks?limit=100", reads: read})
	id := p.addSpool()
	defer p.deleteSpool(id)
	p.ask(call{step: "counts spools", at: spools, reads: fields{
		"hits[].id": integer, "hits[].filamentVendor": text, "hits[].filamentType": text, "hits[].filamentName": text, "hits[].color": text,
		"hits[].netWeight": number, "hits[].totalNetWeight": number, "hits[].amsId": maybe(integer), "hits[].inPrinter": maybe(boolean), "hits[].depleted": maybe(boolean),
	}})
	a, _ := p.ask(call{step: "asks for its user id", at: "GET " + design + "/my/preference", reads: fields{"uid": integer}})
	p.ask(call{
		step: "counts favourites", at: "GET /v1/design-service/favorites/designs/{uid}", path: "/v1/design-service/favorites/designs/" + a.str("uid") + "?offset=0&limit=20",
		reads: fields{"hits": list, "hits[*].id": integer, "hits[*].title": text, "hits[*].printCount": integer},
	})
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].print_status": text,
		"devices[].dev_product_name": text, "devices[].nozzle_diameter": number,
	}})
	p.ask(call{step: "sees that its token has expired", at: tasks, header: map[string]string{"Authorization": "Bearer expired"}, status: []int{http.StatusUnauthorized}})
}
