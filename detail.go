package grove

// PrinterDetail is what a printer reports for its own page, beside its [Shadow]. What it
// does not say is empty; where off and no are answers, null.
type PrinterDetail struct {
	Extruders []Extruder `json:"extruders"` // the only or right one first

	HeatbreakFanPercent int         `json:"heatbreak_fan_percent"`
	DoorOpen            *bool       `json:"door_open"`
	Storage             string      `json:"storage"` // the card or stick: none, normal, abnormal, read_only; empty: not told
	Camera              CameraState `json:"camera"`
	Upgrade             Upgrade     `json:"upgrade"`
	// Options are settings that are on or off, such as first_layer_inspection and
	// auto_refill; only those that the printer tells of.
	Options map[string]bool `json:"options"`

	Wired bool `json:"wired"` // by cable: Shadow.WifiDBm says nothing then
	// Addresses are those on its network as the printer says, for those who may see
	// its access code.
	Addresses []string `json:"addresses,omitempty"`
	// Clients is who watches the printer over MQTT now.
	Clients Clients `json:"clients"`
}

// Extruder is one of a printer's with the nozzle in it.
type Extruder struct {
	ID             int     `json:"id"` // 0 the only or right one, 1 the left
	Active         bool    `json:"active"`
	Celsius        float64 `json:"celsius"`
	TargetCelsius  float64 `json:"target_celsius"`
	NozzleDiameter float64 `json:"nozzle_diameter"` // millimetres; 0 not told
	NozzleType     string  `json:"nozzle_type"`     // as the printer says: hardened_steel, HS01 …
	TrayNow        string  `json:"tray_now"`        // flat tray id; 254 external, 255 none
}

// CameraState is a printer's own, as it is set.
type CameraState struct {
	Resolution string `json:"resolution"` // 720p, 1080p; empty: not told
	Recording  *bool  `json:"recording"`  // while it prints
	Timelapse  *bool  `json:"timelapse"`
	Liveview   *bool  `json:"liveview"` // on its network; those that send pictures do not tell
}

// Upgrade is a printer's firmware that is newer, or on its way.
type Upgrade struct {
	Available bool   `json:"available"`
	Version   string `json:"version"` // empty: not told
	Status    string `json:"status"`  // as the printer says: IDLE, DOWNLOADING, FLASHING …
	Percent   int    `json:"percent"`
}

// Clients counts MQTT connections.
type Clients struct {
	Users int `json:"users"` // by an account's token
	Keys  int `json:"keys"`  // by an API key
	Codes int `json:"codes"` // by the printer's access code, as on its network
}
