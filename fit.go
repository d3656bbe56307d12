package grove

import "time"

// Criteria say which of its owner's printers may take a job. Empty ones leave
// nobody out: each printer that can print the file may.
type Criteria struct {
	Models         []string `json:"models,omitempty"`          // model codes, such as C12
	NozzleDiameter float64  `json:"nozzle_diameter,omitempty"` // millimetres; 0: as the file was sliced
	// Material: what the plate needs must be loaded, by type, in an AMS or outside.
	Material bool `json:"material,omitempty"`
	// Color: likewise, and in no colour that is [ColorDifferent].
	Color    bool     `json:"color,omitempty"`
	Tags     []string `json:"tags,omitempty"`     // all of them, in any case
	Printers []string `json:"printers,omitempty"` // only these, by serial
}

// Misfit is one thing that keeps a printer from taking a print.
type Misfit struct {
	Reason  string `json:"reason"`  // stable word
	Message string `json:"message"` // for people: what it is and what to do
	Lasting bool   `json:"lasting"` // time alone doesn't mend it: the job would have to be another, or the printer
	// Values are what Message is made of beside the printer's name, by the reason; for
	// who says it in words of their own.
	Values map[string]any `json:"values,omitempty"`
}

// The reasons of misfits that are no errors of printers, with their values.
const (
	MisfitModel      = "wrong_model"         // of: file or job; wanted: model codes; has: a code
	MisfitNozzle     = "wrong_nozzle"        // of: file or job; wanted and has in mm, has is 0 where that is not known
	MisfitHeat       = "too_hot"             // part: nozzle, bed or chamber; wanted and bears in °C
	MisfitTag        = "tag_missing"         // tag
	MisfitListed     = "not_listed"          // none
	MisfitSimulated  = "simulated"           // none; it would print nothing that anybody could hold
	MisfitFilament   = "filament_not_loaded" // what: a Filament word; filament, type and color of the one, or filaments: how many
	MisfitColor      = "color_differs"       // filament, type and color; nearest: a colour, and delta_e, unless one of the two is not known
	MisfitPlate      = "plate_not_clear"     // printers: names; of a job of any printer alone
	MisfitQuarantine = "quarantined"         // none
	MisfitHeld       = "printer_held"        // job and state; by a job that was claimed or may be printing
	MisfitTurn       = "not_its_turn"        // job; one of the printer's own that is earlier in the line
	MisfitClock      = "clock_held"          // why
	MisfitLocked     = "account_locked"      // of: account or file; whose it is may not act
)

// What else jobs wait for, without values.
const (
	WaitNoneFits = "none_fits"       // no printer suits the job any more
	WaitNoneFree = "none_free"       // those that suit it are busy or away
	WaitFile     = "file_unreadable" // for now
)

// What keeps a filament from being loaded, in the values of [MisfitFilament].
const (
	FilamentUnnamed    = "unnamed"     // the file doesn't say what its plate takes
	FilamentUnknown    = "unknown"     // likewise of this filament
	FilamentNoAMS      = "no_ams"      // and the plate takes several
	FilamentNoneUsed   = "ams_unused"  // likewise, and the job doesn't use it
	FilamentTwoNozzles = "two_nozzles" // which tray feeds which is a person's to say
	FilamentMissing    = "missing"     // no tray has it
	FilamentTaken      = "taken"       // those that have it are another filament's of the plate
)

// ColorMatch is how near a loaded colour is to the one the file has.
type ColorMatch string

// The matches, by the distance ΔE of CIEDE2000: about 1 is the least that people see.
const (
	ColorSame      ColorMatch = "same"      // at most 2
	ColorClose     ColorMatch = "close"     // at most 10
	ColorDifferent ColorMatch = "different" // more
	ColorUnknown   ColorMatch = "unknown"   // one of the two is not told
)

// FilamentFit is where a filament of a plate would come from.
type FilamentFit struct {
	Filament
	// Tray is the flat number of an AMS's tray; -1 for the spool outside.
	Tray      int        `json:"tray"`
	TrayType  string     `json:"tray_type"`
	TrayColor string     `json:"tray_color"` // RRGGBBAA
	Match     ColorMatch `json:"match"`
	DeltaE    float64    `json:"delta_e"`           // CIEDE2000; 0 also when unknown
	Remaining int        `json:"remaining_percent"` // of the spool; -1 unknown
}

// Fit says whether a printer could take a print this moment, and if not, why.
type Fit struct {
	Serial  string   `json:"device_id"`
	Name    string   `json:"device_name"`
	Model   string   `json:"model"`
	Fits    bool     `json:"fits"`
	Misfits []Misfit `json:"misfits"` // empty when it fits
	// AMSMapping is what the server would choose with use_ams, as [Options] has it;
	// empty when nothing suits or nothing is to choose.
	AMSMapping []int `json:"ams_mapping,omitempty"`
	// Filaments say how good that is, one for each filament of the plate.
	Filaments []FilamentFit `json:"filaments,omitempty"`
}

// PlaceStep is how far apart jobs are put in a line, so that others find room between.
const PlaceStep = 1 << 20

// LinePlace is where a queued job goes in its owner's line. Exactly one of its fields
// is given.
type LinePlace struct {
	Before string `json:"before,omitempty"` // a job's id
	After  string `json:"after,omitempty"`  // likewise
	To     string `json:"to,omitempty"`     // top or bottom
}

// JobQuery narrows a list of jobs. Zero fields do not narrow.
type JobQuery struct {
	OwnerID int64
	Serial  string
	States  []JobState
	FileID  string
	Text    string    // part of its file's name, in any case
	From    time.Time // made then or later
	To      time.Time // made earlier
	Line    bool      // in the order of the line, the first first; else the newest first
}

// JobFigures count the jobs that were made in a time, by how they ended. Grams and
// meters are those of finished prints, as they were sliced.
type JobFigures struct {
	JobTally
	From      time.Time       `json:"from,omitzero"`
	To        time.Time       `json:"to,omitzero"`
	Printers  []PrinterTally  `json:"printers"`
	Materials []MaterialTally `json:"materials"`
}

// JobTally counts jobs.
type JobTally struct {
	Finished     int      `json:"finished"`
	Failed       int      `json:"failed"`
	Cancelled    int      `json:"cancelled"`
	Expired      int      `json:"expired"`
	SuccessRate  *float64 `json:"success_rate"`  // finished of finished and failed, 0 to 1; null without either
	PrintSeconds int64    `json:"print_seconds"` // from start to end, however it ended
	Grams        float64  `json:"grams"`
	Meters       float64  `json:"meters"`
}

// PrinterTally are the jobs of one printer; those that got none have no serial.
type PrinterTally struct {
	Serial string `json:"device_id"`
	Name   string `json:"device_name"` // empty for a printer that is the owner's no more
	JobTally
}

// MaterialTally is what finished prints took of one type of filament; the type is
// empty where it is not known.
type MaterialTally struct {
	Type   string  `json:"type"`
	Prints int     `json:"prints"`
	Grams  float64 `json:"grams"`
	Meters float64 `json:"meters"`
}
