package conformance

// goCloudAPI is a Go library: it decodes into structs with int fields, so that one
// wrong type loses the whole answer. Any status but 200 is an error to it.
func goCloudAPI(p *player) {
	p.header = map[string]string{"User-Agent": "BambulabsCloudAPI/1.0", "Content-Type": "application/json"}
	p.signIn(entrance{reads: fields{"accessToken": filled, "loginType": text}, code: true})
	p.ask(call{step: "asks for its user id", at: "GET " + design + "/my/preference", reads: fields{"uid": integer}})
	needs := []string{p.needsPrinter()}
	p.ask(call{step: "lists printers", at: bind, reads: fields{
		"message": text, "code": orNull(integer), "error": orNull(text),
		"devices[].dev_id": filled, "devices[].name": text, "devices[].online": boolean, "devices[].print_status": text,
		"devices[].dev_model_name": text, "devices[].dev_product_name": text, "devices[].dev_access_code": accessCode,
	}})
	read := fields{"total": integer}
	for _, name := range []string{"id", "designId", "status", "costTime", "profileId", "plateIndex"} {
		read["hits[]."+name] = integer
	}
	for _, name := range []string{"modelId", "title", "cover", "plateName", "deviceId", "deviceModel", "deviceName"} {
		read["hits[]."+name] = text
	}
	for _, name := range []string{"ams", "nozzleId", "amsId", "slotId"} {
		read["hits[].amsDetailMapping[*]."+name] = integer
	}
	for _, name := range []string{"sourceColor", "targetColor", "filamentId", "filamentType", "targetFilamentType"} {
		read["hits[].amsDetailMapping[*]."+name] = text
	}
	read["hits[].weight"], read["hits[].length"], read["hits[].amsDetailMapping[*].weight"] = number, number, number
	p.ask(call{step: "lists prints", at: tasks, path: user + "/my/tasks?deviceId=" + p.printer.serial, needs: needs, reads: read})
	p.watch(request{step: "watches a printer", id: "golang-bambulabs-api"})
}
