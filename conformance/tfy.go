package conformance

// bambuFarm only uses MQTT, with a token that its user fetched by hand.
func bambuFarm(p *player) {
	p.watch(request{step: "watches a printer", id: "bambufarm-" + random(), publish: []string{getVersion, pushAll}, wants: map[string]fields{
		"info.get_version": {"info.module": list}, "print.push_status": pushed["print.push_status"],
	}})
}
