package grove

// Shadow is a printer's state in clean units, read from its merged reports.
type Shadow struct {
	State            string `json:"state"` // gcode_state: IDLE PREPARE RUNNING PAUSE FINISH FAILED …
	Stage            int    `json:"stage"` // stg_cur; -1 or 255 when idle
	Percent          int    `json:"percent"`
	RemainingSeconds int    `json:"remaining_seconds"`
	Layer            int    `json:"layer"`
	TotalLayers      int    `json:"total_layers"`
	PreparePercent   int    `json:"prepare_percent"` // download and unpack progress

	TaskID    string `json:"task_id"`    // the job's id as the printer repeats it
	SubtaskID string `json:"subtask_id"` // the attempt's nonce as the printer repeats it
	FileName  string `json:"file_name"`  // subtask_name
	Plate     int    `json:"plate"`

	NozzleCelsius        float64 `json:"nozzle_celsius"`
	NozzleTargetCelsius  float64 `json:"nozzle_target_celsius"`
	BedCelsius           float64 `json:"bed_celsius"`
	BedTargetCelsius     float64 `json:"bed_target_celsius"`
	ChamberCelsius       float64 `json:"chamber_celsius"`
	ChamberTargetCelsius float64 `json:"chamber_target_celsius"`

	PartFanPercent    int `json:"part_fan_percent"`
	AuxFanPercent     int `json:"aux_fan_percent"`
	ChamberFanPercent int `json:"chamber_fan_percent"`
	SpeedLevel        int `json:"speed_level"` // 1 silent … 4 ludicrous

	NozzleDiameter float64 `json:"nozzle_diameter"` // millimetres; 0 not told

	LightOn    bool   `json:"light_on"`
	WifiDBm    int    `json:"wifi_dbm"`
	PrintError int64  `json:"print_error"`
	HMS        []HMS  `json:"hms"`
	AMS        []AMS  `json:"ams"`
	External   []Tray `json:"external"` // spools outside of filament units: 255 of the only or right extruder, 254 of the left (of older models the only one)
	TrayNow    string `json:"tray_now"` // flat tray id; 254 external, 255 none
}

// HMS is one health message, e.g. HMS_0300_0100_0001_0001.
type HMS struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // fatal, serious, common, info
	Module   string `json:"module"`   // motion, mainboard, ams, toolhead, camera, unknown
}

// AMS is one filament unit with its trays.
type AMS struct {
	ID       string  `json:"id"`
	Humidity int     `json:"humidity"` // 1 wettest to 5 driest
	Celsius  float64 `json:"celsius"`

	Kind            string `json:"kind"`             // ams, ams_lite, n3f (AMS 2 Pro), n3s (AMS HT); empty: not told
	HumidityPercent int    `json:"humidity_percent"` // relative; 0: not told
	DryingSeconds   int    `json:"drying_seconds"`   // until it is dry; 0: it does not dry
	Extruder        int    `json:"extruder"`         // that it feeds: 0 the only or right one, 1 the left; -1 either, or not told
	Trays           []Tray `json:"trays"`
}

// Tray is one slot. An empty slot has an empty Type.
type Tray struct {
	ID               string `json:"id"`
	Type             string `json:"type"`
	Color            string `json:"color"` // RRGGBBAA
	FilamentID       string `json:"filament_id"`
	RemainingPercent int    `json:"remaining_percent"` // -1 unknown
}

// Idle reports whether the printer says that it could take a print.
func (s Shadow) Idle() bool {
	switch s.State {
	case "IDLE", "FINISH", "FAILED":
		return true
	}
	return false
}

// Moves reports whether the printer says that it is at a print. One in a state that
// nobody knows neither moves nor is idle.
func (s Shadow) Moves() bool {
	switch s.State {
	case "PREPARE", "SLICING", "RUNNING", "PAUSE":
		return true
	}
	return false
}

// Fatal is the first fatal health message, if any.
func (s Shadow) Fatal() (string, bool) {
	for _, h := range s.HMS {
		if h.Severity == "fatal" {
			return h.Code, true
		}
	}
	return "", false
}
