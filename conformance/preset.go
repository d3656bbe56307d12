package conformance

import "net/url"

const presets = "GET " + iot + "/slicer/setting"

func presetsPath(version string) string { return iot + "/slicer/setting?version=" + version }

func presetPath(id string) string { return iot + "/slicer/setting/" + url.PathEscape(id) }

// newPreset is a custom filament as a slicer sends one.
func newPreset() map[string]any {
	return map[string]any{
		"name": "conformance " + random(), "type": "filament", "version": "1.10.0.89", "base_id": "GFSA00", "public": false,
		"setting": map[string]any{
			"filament_id": "P" + random()[:7], "inherits": "Bambu PLA Basic @BBL X1C", "filament_vendor": `"conformance"`, "filament_type": `"PLA"`,
			"nozzle_temperature": "220,230", "updated_time": "1780000000",
		},
	}
}

// addPreset makes a custom filament for a client that only reads; it gives its id,
// empty if none could be made.
func (p *player) addPreset() string {
	return p.quiet("POST "+iot+"/slicer/setting", newPreset()).str("setting_id")
}

func (p *player) deletePreset(id string) {
	if id != "" {
		_, _, _ = p.send(call{at: "DELETE " + presetPath(id)})
	}
}
