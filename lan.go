package grove

import "time"

// LAN is where a printer stands on a network, and by which key it is known
// there. Its access code is the printer's.
type LAN struct {
	Serial string `json:"serial"`
	Host   string `json:"host"`             // address or name
	Bridge string `json:"bridge,omitempty"` // the bridge whose network it is; empty: this server's

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
