package grove

import (
	"encoding/json"
	"strings"
	"time"
)

// PresetType is what a slicer's preset is for.
type PresetType string

// The types of preset.
const (
	PrintPreset    PresetType = "print"
	PrinterPreset  PresetType = "printer"
	FilamentPreset PresetType = "filament"
)

// Preset is a slicer's setting of a person. What is in Setting is the slicer's
// own affair and kept as it came.
type Preset struct {
	ID        string                     `json:"id"`
	OwnerID   int64                      `json:"owner_id"`
	Type      PresetType                 `json:"type"`
	Name      string                     `json:"name"`
	Nickname  string                     `json:"nickname"`
	Version   string                     `json:"version"` // of the slicer's bundle, four numbers
	BaseID    string                     `json:"base_id"` // the preset it was derived from
	Setting   map[string]json.RawMessage `json:"setting"`
	CreatedAt time.Time                  `json:"created_at"`
	UpdatedAt time.Time                  `json:"updated_at"`
}

// Value is one setting as text, the first where there are several; empty when it
// is not there. Slicers write lists as arrays or as one text with separators.
func (p Preset) Value(key string) string {
	raw := p.Setting[key]
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		if len(list) == 0 {
			return ""
		}
		raw = list[0]
	}
	text := string(raw)
	var quoted string
	switch {
	case json.Unmarshal(raw, &quoted) == nil:
		text = quoted
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return ""
	}
	text, _, _ = strings.Cut(text, ";")
	return strings.Trim(strings.TrimSpace(text), `"`)
}
