package conformance

const spools = "GET " + design + "/my/filament/v2"

func newSpool() map[string]any {
	return map[string]any{
		"createType": 1, "filamentVendor": "Bambu Lab", "filamentType": "PLA", "filamentName": "PLA Basic", "filamentId": "GFA00", "RFID": "",
		"color": "#00AE42", "colorType": 0, "colors": []string{"#00AE42"}, "netWeight": 1000, "totalNetWeight": 1000, "note": "conformance " + random(), "isSupport": false,
	}
}

// addSpool puts one on the shelf for a client that only reads.
func (p *player) addSpool() string {
	s := newSpool()
	_, _, _ = p.send(call{at: "POST " + design + "/my/filament/v2", body: s})
	return p.spoolOf(s)
}

// spoolOf finds a spool by its note: making one answers with nothing.
func (p *player) spoolOf(s map[string]any) string {
	for _, one := range each(p.quiet(spools, nil).json, "hits") {
		if one["note"] == s["note"] {
			return str(one, "id")
		}
	}
	return ""
}

func (p *player) deleteSpool(id string) {
	if id != "" {
		_, _, _ = p.send(call{at: "DELETE " + design + "/my/filament/v2/batch", body: removal(id)})
	}
}

func removal(id string) map[string]any {
	return map[string]any{"ids": []string{id}, "RFIDs": []string{}}
}
