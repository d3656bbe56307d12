package cloudapi

import "encoding/json"

// Settings is GET …/slicer/setting: a person's presets by their type.
type Settings struct {
	Envelope
	Print    SettingLists      `json:"print"`
	Printer  SettingLists      `json:"printer"`
	Filament SettingLists      `json:"filament"`
	Settings map[string]string `json:"settings"` // always empty, as observed
}

// SettingLists are presets of one type. The vendor's own would be the public ones;
// this server has none.
type SettingLists struct {
	Public  []SettingItem `json:"public"`
	Private []SettingItem `json:"private"`
}

// SettingItem is a preset in a list. One client takes a filament id that is not
// empty for a promise that the other fields of the filament are there, so none of
// them is ever null and there are always two temperatures.
type SettingItem struct {
	SettingID         string `json:"setting_id"`
	UserID            string `json:"user_id"`
	Version           string `json:"version"`
	Name              string `json:"name"`
	Nickname          string `json:"nickname"`
	UpdateTime        string `json:"update_time"`
	UpdatedTime       string `json:"updated_time"` // the same, as another client calls it
	BaseID            string `json:"base_id"`
	Inherits          string `json:"inherits"`
	FilamentID        string `json:"filament_id"`
	FilamentVendor    string `json:"filament_vendor"`
	FilamentType      string `json:"filament_type"`
	FilamentIsSupport bool   `json:"filament_is_support"`
	NozzleTemperature [2]int `json:"nozzle_temperature"` // lowest and highest, in degrees Celsius; 0 unknown
	NozzleHRC         int    `json:"nozzle_hrc"`
}

// SettingDetail is GET …/slicer/setting/{id}: a preset with all that it sets.
type SettingDetail struct {
	Envelope
	SettingID  string                     `json:"setting_id"`
	UserID     string                     `json:"user_id"`
	Public     bool                       `json:"public"`
	Version    string                     `json:"version"`
	Type       string                     `json:"type"` // print, printer or filament
	Name       string                     `json:"name"`
	Nickname   string                     `json:"nickname"`
	BaseID     string                     `json:"base_id"`
	FilamentID string                     `json:"filament_id"`
	UpdateTime string                     `json:"update_time"`
	Setting    map[string]json.RawMessage `json:"setting"`
}

// SettingRequest is POST …/slicer/setting and PATCH …/slicer/setting/{id}.
type SettingRequest struct {
	Name       string                     `json:"name,omitempty"`
	Type       string                     `json:"type,omitempty"`
	Version    string                     `json:"version,omitempty"`
	BaseID     string                     `json:"base_id,omitempty" nullable:"true"`
	Nickname   string                     `json:"nickname,omitempty"`
	FilamentID string                     `json:"filament_id,omitempty"` // slicers have it inside setting
	Public     bool                       `json:"public,omitempty"`
	Setting    map[string]json.RawMessage `json:"setting,omitempty"`
}

// SettingSaved is the answer to either.
type SettingSaved struct {
	Envelope
	SettingID  string `json:"setting_id"`
	UpdateTime string `json:"update_time"`
}
