package grove

import (
	"encoding/json"
	"time"
)

// Printer is a bound printer as the cloud remembers it. The serial, case
// sensitive, is its id everywhere.
type Printer struct {
	Serial   string    `json:"serial"`
	Name     string    `json:"name"`
	Model    string    `json:"model"` // model code, such as C12; empty until the printer has said it
	OwnerID  int64     `json:"owner_id"`
	Tags     []string  `json:"tags"` // its owner's words for it; see [CheckTags]
	BoundAt  time.Time `json:"bound_at"`
	Firmware string    `json:"firmware,omitempty"` // the ota module's version

	// AccessCode is the printer's LAN password (8 characters), sealed at rest.
	AccessCode Secret `json:"-"`
	// AccessCodeIssued tells a code that Grove made (unique) from one that a person brought.
	AccessCodeIssued bool `json:"-"`
	// DeviceSecretHash is the SHA-256 of what the printer signs in with, in hex.
	DeviceSecretHash string `json:"-"`

	Online     bool      `json:"online"` // after the grace period, as told in events
	LastSeenAt time.Time `json:"last_seen_at,omitzero"`

	// GcodeState is the last state a turn was made of (IDLE, PREPARE, RUNNING,
	// PAUSE, FINISH, FAILED …), PrintError and TaskID belong to it.
	GcodeState string `json:"gcode_state"`
	PrintError int64  `json:"print_error"`
	TaskID     string `json:"task_id"`
	FileName   string `json:"file_name"`

	// PlateClear is false from the moment a print begins until a person (or the
	// demo) confirms that the plate is empty.
	PlateClear bool `json:"plate_clear"`
	// AutoClear lets the server confirm the plate by itself, however a print ended.
	// It is for simulated printers, from which nothing has to be taken: the server sets
	// it for its own alone, and nothing in its APIs does.
	AutoClear bool `json:"auto_clear"`
	// HeatUntil is when heat that somebody asked for is switched off unless the
	// printer prints; zero when nobody asked.
	HeatUntil time.Time `json:"heat_until,omitzero"`

	// State is the merged report (the print object, JSON), as last stored.
	State   []byte    `json:"-"`
	StateAt time.Time `json:"-"`
	// Versions is the last get_version answer (the info object, JSON).
	Versions []byte `json:"-"`
}

// NoPrinter is the error for a serial that is none of the asker's printers.
func NoPrinter(serial string) *Error {
	return Errorf(NotFound, ReasonPrinterNotFound,
		"there is no printer %s in this account; check the serial, upper and lower case included, or bind the printer first", serial)
}

// NoPIN is the error for what is the PIN of no printer.
func NoPIN() *Error {
	return Errorf(NotFound, "pin_unknown",
		"this is no PIN, or no longer: a PIN works once, for ten minutes, as long as the printer is its owner's; ask the owner for a new one, "+
			"or bind the printer with its serial and its access code")
}

// DeveloperMode is whether a printer takes commands of others than its maker.
type DeveloperMode string

// The states of Developer Mode. Unknown: the printer does not say it, and has answered
// no command that would show it.
const (
	DeveloperOn      DeveloperMode = "on"
	DeveloperOff     DeveloperMode = "off" // it can be watched and not controlled
	DeveloperUnknown DeveloperMode = "unknown"
)

// Live is a printer as it is now: the remembered part and what it last said.
type Live struct {
	Printer
	Connected  bool      `json:"connected"` // a link is up this moment
	Shadow     Shadow    `json:"shadow"`
	ReportedAt time.Time `json:"reported_at,omitzero"`
	// Run is another number for each print that the printer is at, and until the next
	// begins that of the last, whatever the printer calls them; 0 before any was seen.
	Run int64 `json:"run,omitempty"`
	// Complete is true when a full report has arrived on the present link.
	Complete bool `json:"complete"`
	// Stale is true of a printer that is online and told nothing of its state for two
	// minutes, though it was asked: what is known of it may be over.
	Stale bool `json:"stale"`
	// Camera is whether a picture of it can be had now. NoCamera is why not, and what to
	// do, of one that is connected.
	Camera   bool   `json:"camera"`
	NoCamera string `json:"no_camera,omitempty"`
	// LAN is where the server reaches the printer; nil for one that dials in, and for
	// those who may not see its access code.
	LAN *LAN `json:"lan,omitempty"`
	// CodeUse is who signed in with the printer's access code last, as clients on its network
	// do, since the server started; none for those who may not see the code.
	CodeUse Use `json:"code_use,omitzero"`
	// Trouble is why a printer on a LAN is not connected, and what to do.
	Trouble string `json:"trouble,omitempty"`
	// DeveloperMode says whether the printer takes commands without its maker's signature.
	DeveloperMode DeveloperMode `json:"developer_mode"`
	// Details is what the printer's own page shows; nil in lists.
	Details *PrinterDetail `json:"details,omitempty"`
	// Raw is the merged print object, number text and unknown keys kept.
	Raw []byte `json:"-"`
}

// RawReport is all that a printer said, in its own words, merged from its reports.
type RawReport struct {
	Serial     string    `json:"serial"`
	ReportedAt time.Time `json:"reported_at,omitzero"` // of the newest that is in it
	AgeSeconds float64   `json:"age_seconds"`          // since then, by the server's clock; 0 when it never reported
	// Complete is true when a full report has arrived on the present link: else some of it
	// may be of a former one.
	Complete bool `json:"complete"`
	// Report is the print object: number text and unknown members kept, without access
	// codes, and for those who may not see the code without the printer's address.
	Report json.RawMessage `json:"report"`
}
