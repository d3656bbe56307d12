package cloudapi

import "github.com/grovecloud/grove"

// LANPorts are those of a printer that are not the usual ones (8883, 990, 6000, 322).
type LANPorts struct {
	MQTTS  int `json:"mqtts_port,omitempty"`
	FTPS   int `json:"ftps_port,omitempty"`
	Camera int `json:"camera_port,omitempty"`
	RTSPS  int `json:"rtsps_port,omitempty"`
}

// LANRequest is POST /v1/grove-service/printers: a printer that the server reaches
// by its address. Without a serial the printer's certificate tells it.
type LANRequest struct {
	Host       string       `json:"host"` // address or name, without a port
	AccessCode grove.Secret `json:"access_code"`
	Serial     string       `json:"serial,omitempty"`
	Name       string       `json:"name,omitempty"`
	Model      string       `json:"model,omitempty"`  // code or name; else the printer says it
	Bridge     string       `json:"bridge,omitempty"` // the bridge that reaches it; else the server does
	LANPorts
	PlateClear bool `json:"plate_clear,omitempty"` // somebody looked
	Force      bool `json:"force,omitempty"`       // keep it though it can't be reached now
}

// LANPair is POST /v1/grove-service/printers/{serial}/pair: what changed
// about the printer. The access code that is kept counts on when none is given.
type LANPair struct {
	AccessCode grove.Secret `json:"access_code,omitempty"`
	NewKey     bool         `json:"new_key,omitempty"` // whatever key it shows now is its own
}

// LANAddress is PUT /v1/grove-service/printers/{serial}/address.
type LANAddress struct {
	Host   string `json:"host"`
	Bridge string `json:"bridge,omitempty"` // the bridge that reaches it there; else the server does
	LANPorts
}

// LANBound is a printer on a network as it was added or changed, and what trying it
// told.
type LANBound struct {
	Printer grove.Live    `json:"printer"`
	Test    grove.LANTest `json:"test"`
}

// LANSearch is POST /v1/grove-service/printers/discover.
type LANSearch struct {
	Bridge      string `json:"bridge,omitempty"`       // which looks in its network, instead of the server
	Subnet      string `json:"subnet,omitempty"`       // IPv4 network of at most 1,024 addresses; else the server's own and 127.0.0.0/24
	WaitSeconds int    `json:"wait_seconds,omitempty"` // for answers, 1 to 30; 5 unless said
}
