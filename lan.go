package grove

import (
	"slices"
	"time"
)

// LAN is where a printer stands on a network, and by which key it is known
// there. Its access code is the printer's.
type LAN struct {
	Serial  string `json:"serial"`
	OwnerID int64  `json:"-"`                // whose printer it is, where a printer's place is told; not stored here
	Host    string `json:"host"`             // address or name
	Bridge  string `json:"bridge,omitempty"` // the bridge whose network it is; empty: this server's

	// Ports; zero means the usual one (8883, 990, 6000, 322).
	MQTTS  int `json:"mqtts_port,omitempty"`
	FTPS   int `json:"ftps_port,omitempty"`
	Camera int `json:"camera_port,omitempty"`
	RTSPS  int `json:"rtsps_port,omitempty"`

	// Pin is the SHA-256 of the public key (SubjectPublicKeyInfo) that the printer
	// showed when it was added, in hex; empty until it was first reached.
	Pin string `json:"pin,omitempty"`
	// StrangerPin is the other key that it showed later. While there is one the
	// printer is in quarantine: nothing is sent to it until a person pairs it anew.
	StrangerPin  string    `json:"stranger_pin,omitempty"`
	QuarantineAt time.Time `json:"quarantined_at,omitzero"`
}

// The usual ports of a printer (OpenBambuAPI, BambuStudio).
const (
	LANMQTTS  = 8883
	LANFTPS   = 990
	LANCamera = 6000
	LANRTSPS  = 322
)

// Complete fills in the usual ports.
func (l LAN) Complete() LAN {
	for port, usual := range map[*int]int{&l.MQTTS: LANMQTTS, &l.FTPS: LANFTPS, &l.Camera: LANCamera, &l.RTSPS: LANRTSPS} {
		if *port == 0 {
			*port = usual
		}
	}
	return l
}

// Quarantined reports whether the printer showed another key than its own.
func (l LAN) Quarantined() bool { return l.StrangerPin != "" }

// Sight is how the camera of a printer on a network is read.
type Sight string

// The sights.
const (
	SightPictures Sight = "pictures" // JPEG after JPEG, on the camera's port
	SightVideo    Sight = "video"    // RTSP over TLS
	SightOff      Sight = "off"      // the printer says that it is not shown on its network
)

// NotOnLAN is the error for a printer that is not reached on a network.
func NotOnLAN(serial string) *Error {
	return Errorf(NotFound, "not_on_lan",
		"printer %s was not added by its address: it dials in by itself, so there is nothing to try or to pair", serial)
}

// LANStep is one step of the test of a printer on a network, in their order.
type LANStep string

// The steps. What comes behind one that failed is skipped.
const (
	StepReachable  LANStep = "reachable"      // its MQTT port takes a connection
	StepTLS        LANStep = "tls"            // it speaks TLS, with a certificate
	StepSerial     LANStep = "serial"         // the certificate is of this serial and key
	StepAccessCode LANStep = "access_code"    // it lets the code in
	StepPublishing LANStep = "publishing"     // it tells its whole state when asked
	StepDeveloper  LANStep = "developer_mode" // it takes commands without the maker's signature
	StepStorage    LANStep = "storage"        // it has a card or stick for files
)

// LANVerdict is how a step went.
type LANVerdict string

// The verdicts. Unknown: the printer does not say it.
const (
	VerdictOK      LANVerdict = "ok"
	VerdictFailed  LANVerdict = "failed"
	VerdictUnknown LANVerdict = "unknown"
	VerdictSkipped LANVerdict = "skipped"
)

// LANFinding is what one step found, and what to do about it where that is not well.
type LANFinding struct {
	Step    LANStep    `json:"step"`
	Verdict LANVerdict `json:"verdict"`
	Found   string     `json:"found,omitempty"`
	Advice  string     `json:"advice,omitempty"`
	Reason  string     `json:"reason,omitempty"` // of a failure, a stable word for programs
}

// LANTest is what trying a printer on its network told.
type LANTest struct {
	Serial   string       `json:"serial"` // by its certificate, where none was given
	Host     string       `json:"host"`
	Model    string       `json:"model,omitempty"`
	Firmware string       `json:"firmware,omitempty"`
	Pin      string       `json:"pin,omitempty"` // of the key it showed, if that is of the serial
	Findings []LANFinding `json:"findings"`

	Up   bool   `json:"-"` // its link is up, so the rest is asked over it
	Told []byte `json:"-"` // its merged report (the print object, JSON); none when it said nothing in time
}

// Failed is the first of the given steps that did not go well; of all if none are given.
func (t LANTest) Failed(steps ...LANStep) (LANFinding, bool) {
	for _, f := range t.Findings {
		if (len(steps) == 0 || slices.Contains(steps, f.Step)) && f.Verdict == VerdictFailed {
			return f, true
		}
	}
	return LANFinding{}, false
}

// LANSearch is a wish to find printers. Without a Subnet those are found that
// answer on the networks of the server itself.
type LANSearch struct {
	Bridge string        // which looks in its own network instead
	Subnet string        // CIDR of at most 1,024 addresses
	Wait   time.Duration // for answers; 1 to 30 s
}

// FoundPrinter is a printer that answered on a network.
type FoundPrinter struct {
	Serial   string `json:"serial"`
	Name     string `json:"name"`
	Model    string `json:"model"` // code, such as C12
	Host     string `json:"host"`
	MQTTS    int    `json:"mqtts_port,omitempty"` // ports where they are not the usual ones; simulated printers tell them
	FTPS     int    `json:"ftps_port,omitempty"`
	Camera   int    `json:"camera_port,omitempty"`
	RTSPS    int    `json:"rtsps_port,omitempty"`
	Firmware string `json:"firmware,omitempty"`
	Connect  string `json:"connect"` // lan or cloud; empty: it did not say
	Bind     string `json:"bind"`    // free or occupied, to an account of the maker's cloud
	Bound    bool   `json:"bound"`   // to the asker's account here
	Found    string `json:"found"`   // ssdp, detect or scan
}
