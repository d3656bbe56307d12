package grove

import (
	"encoding/json"
	"testing"
)

func TestAPresetsValueIsReadInEachWayThatSlicersWriteIt(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"PLA"`: "PLA", `["PETG","PLA"]`: "PETG", `"PLA;PETG"`: "PLA", `"\"My PLA\";\"x\""`: "My PLA",
		`220`: "220", `[220,230]`: "220", `true`: "true", `null`: "", `[]`: "", `{"a":1}`: "", `[[1]]`: "", ``: "",
	} {
		p := Preset{Setting: map[string]json.RawMessage{"k": json.RawMessage(raw)}}
		if got := p.Value("k"); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
	if got := (Preset{}).Value("k"); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
