package cloudapi

import "time"

// ServerStatus is GET /v1/grove-service/server: the server as whoever runs it wants to
// see it. Sizes are in bytes.
type ServerStatus struct {
	Version       string            `json:"version"`
	StartedAt     time.Time         `json:"started_at"`
	UptimeSeconds int64             `json:"uptime_seconds"`
	Demo          bool              `json:"demo"`
	Database      ServerDatabase    `json:"database"`
	Files         ServerFiles       `json:"files"`
	Limits        ServerLimits      `json:"limits"`
	Mail          bool              `json:"mail"` // letters are mailed, and not only logged and shown to owners
	Certificate   ServerCertificate `json:"certificate"`
	CA            ServerCA          `json:"ca"`
	Printers      ServerPrinters    `json:"printers"`
}

// ServerDatabase is where the records are.
type ServerDatabase struct {
	Kind      string `json:"kind"` // sqlite or postgresql
	SizeBytes int64  `json:"size_bytes"`
}

// ServerFiles is what was uploaded, and the disk on which it lies.
type ServerFiles struct {
	Count      int64 `json:"count"`
	SizeBytes  int64 `json:"size_bytes"`  // with what has arrived of uploads
	FreeBytes  int64 `json:"free_bytes"`  // negative: not known
	TotalBytes int64 `json:"total_bytes"` // negative: not known
}

// ServerLimits are those in force.
type ServerLimits struct {
	Rates         string `json:"rates"`           // as --limits takes them
	FileBytes     int64  `json:"file_bytes"`      // the largest file
	QuotaBytes    int64  `json:"quota_bytes"`     // of each account; 0: any
	MinFreeBytes  int64  `json:"min_free_bytes"`  // that an upload must leave; 0: none
	KeepDays      int    `json:"keep_days"`       // of events; 0: for ever
	KeepAuditDays int    `json:"keep_audit_days"` // 0: for ever
}

// ServerCertificate is what clients are shown that come by the server's own name.
type ServerCertificate struct {
	Kind     string    `json:"kind"`  // built_in, file or acme
	HTTPS    bool      `json:"https"` // else it is shown over MQTT alone
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
}

// ServerCA is the built-in CA; its certificate is no secret.
type ServerCA struct {
	Needed   bool      `json:"needed"` // clients that come by the server's own name must trust it
	Path     string    `json:"path"`   // where it can be had
	NotAfter time.Time `json:"not_after"`
	SHA256   string    `json:"sha256"`
}

// ServerPrinters counts printers.
type ServerPrinters struct {
	Bound  int `json:"bound"`
	Online int `json:"online"`
}

// MailTest is the answer of POST /v1/grove-service/server/mail-test.
type MailTest struct {
	To string `json:"to"`
}

// Reach is how a client comes to the server.
type Reach struct {
	BaseURL  string `json:"base_url"`
	MQTTHost string `json:"mqtt_host"`
	MQTTPort int    `json:"mqtt_port"` // always TLS
	// HTTPNeedsCA and MQTTNeedsCA: the client must trust the built-in CA.
	HTTPNeedsCA bool   `json:"http_needs_ca"`
	MQTTNeedsCA bool   `json:"mqtt_needs_ca"`
	CAPath      string `json:"ca_path"` // where its certificate can be had
	CASHA256    string `json:"ca_sha256"`
}

// Kits is GET /v1/grove-service/kits.
type Kits struct {
	Reach
	MQTTUsername string `json:"mqtt_username"` // of the account; the password is an API key
	Kits         []Kit  `json:"kits"`
}

// Kit is what to enter in one kind of client. Secrets are never in it.
type Kit struct {
	Client   string       `json:"client"`
	Settings []KitSetting `json:"settings"`
	Secret   string       `json:"secret"` // what is still to be entered: api_key, password or access_code
}

// KitSetting is one thing to copy.
type KitSetting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
