package cloudapi

import (
	"encoding/json"

	"github.com/grovecloud/grove"
)

// Device is a printer as GET …/user/bind and GET …/user/print list it. The names
// dev_name, dev_online and task_status repeat name, online and print_status for
// the slicer, which reads either list by those.
type Device struct {
	ID             string       `json:"dev_id"` // the serial
	Name           string       `json:"name"`
	Online         bool         `json:"online"`
	PrintStatus    string       `json:"print_status"`   // gcode_state: IDLE, PREPARE, RUNNING, PAUSE, FINISH, FAILED
	ModelName      string       `json:"dev_model_name"` // model code, such as C12
	ProductName    string       `json:"dev_product_name"`
	AccessCode     grove.Secret `json:"dev_access_code"` // the LAN password
	NozzleDiameter float64      `json:"nozzle_diameter"` // millimetres
	Structure      string       `json:"dev_structure"`   // CoreXY or I3
	PrintJob       int64        `json:"print_job"`       // the current or last task; 0 none

	DevName    string `json:"dev_name"`
	DevOnline  bool   `json:"dev_online"`
	TaskStatus string `json:"task_status"`
}

// Devices is GET …/user/bind.
type Devices struct {
	Envelope
	Devices    []Device          `json:"devices"`
	Total      int               `json:"total"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// BindRequest is POST …/user/bind. The code becomes the printer's access code, or
// proves that the asker holds a printer that is bound elsewhere.
type BindRequest struct {
	DeviceID   string       `json:"device_id"`
	DeviceName string       `json:"device_name,omitempty"`
	BindCode   grove.Secret `json:"bind_code,omitempty"`
	// Model is a code or a name, such as C12 or P1S; an extension, for printers
	// that have not said it themselves yet.
	Model string `json:"model,omitempty"`
	// PlateClear says that somebody looked and the plate is empty; an extension.
	// Without it the first print waits until that is said.
	PlateClear bool `json:"plate_clear,omitempty"`
}

// Bound is the answer to a bind.
type Bound struct {
	Envelope
	Devices []Device  `json:"devices"`
	Data    BoundData `json:"data"`
}

// BoundData has the secret that the printer signs in with. It is told this once.
type BoundData struct {
	BindID       string       `json:"bind_id"`
	DeviceInfo   Device       `json:"device_info"`
	DeviceSecret grove.Secret `json:"device_secret"`
}

// UnbindRequest is the body form of DELETE …/user/bind.
type UnbindRequest struct {
	DeviceID string `json:"dev_id"`
	Force    bool   `json:"force,omitempty"`
}

// BindList is GET …/user/bind_list?dev_ids=S1,S2: who holds which printer. A
// printer that is nobody's, or somebody else's, has nulls.
type BindList struct {
	Envelope
	BindList []Holder `json:"bind_list"`
}

// Holder is one printer and whose it is.
type Holder struct {
	DeviceID string  `json:"dev_id"`
	UserID   *string `json:"user_id"`
	UserName *string `json:"user_name"`
}

// DeviceInfo is GET …/user/device/info?device_id=S. It has the printer three
// times: at the top, in data as documented, and in bind as one client prints it.
type DeviceInfo struct {
	Envelope
	Device
	Data DeviceInfoData `json:"data"`
	Bind []Device       `json:"bind"`
}

// DeviceInfoData is a printer with what it last said, in degrees Celsius and
// percent.
type DeviceInfoData struct {
	DeviceID        string  `json:"device_id"`
	DeviceName      string  `json:"device_name"`
	Model           string  `json:"model"`
	Status          string  `json:"status"` // online or offline
	PrintStatus     string  `json:"print_status"`
	FirmwareVersion string  `json:"firmware_version"`
	NozzleTemp      float64 `json:"nozzle_temp"`
	NozzleTarget    float64 `json:"nozzle_target"`
	BedTemp         float64 `json:"bed_temp"`
	BedTarget       float64 `json:"bed_target"`
	ChamberTemp     float64 `json:"chamber_temp"`
	Progress        int     `json:"progress"`
	TimeRemaining   int     `json:"time_remaining"` // seconds
	Layer           int     `json:"layer"`
	TotalLayers     int     `json:"total_layers"`
	LastSeen        string  `json:"last_seen"` // RFC 3339; empty: never
}

// DeviceRename is PATCH …/user/device/info.
type DeviceRename struct {
	DeviceID string `json:"dev_id"`
	Name     string `json:"dev_name"`
}

// Versions is GET …/user/device/version, for one printer or for all. Data is there
// when one printer was asked for.
type Versions struct {
	Envelope
	Devices []DeviceVersion `json:"devices"`
	Data    *VersionSummary `json:"data,omitempty"`
}

// DeviceVersion is what one printer runs. Firmware lists what it could run: an
// array, as observed; empty, since this server publishes no firmware.
type DeviceVersion struct {
	DeviceID  string       `json:"dev_id"`
	Name      string       `json:"name"`
	ModelName string       `json:"dev_model_name"`
	Version   string       `json:"version"`
	Firmware  []Firmware   `json:"firmware"`
	OTA       OTA          `json:"ota"`
	AMS       []AMSVersion `json:"ams"`
	Modules   []Module     `json:"module"`
}

// Firmware is one published version.
type Firmware struct {
	Version     string `json:"version"`
	ForceUpdate bool   `json:"force_update"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Status      string `json:"status"` // release or beta
}

// OTA is how the printer stands to its next version.
type OTA struct {
	Version            string `json:"version"`
	NewVersionState    int    `json:"new_version_state"`
	NewVersionNumber   string `json:"new_version_number"`
	ForceUpgrade       bool   `json:"force_upgrade"`
	ConsistencyRequest bool   `json:"consistency_request"`
}

// AMSVersion is what one filament unit runs.
type AMSVersion struct {
	SoftwareVersion string            `json:"sw_ver"`
	HardwareVersion string            `json:"hw_ver"`
	Serial          string            `json:"sn"`
	Firmware        []Firmware        `json:"firmware"`
	Tray            []json.RawMessage `json:"tray"`
}

// Module is one module of a printer as its get_version answer names it.
type Module struct {
	Name            string `json:"name"`
	SoftwareVersion string `json:"sw_ver"`
	HardwareVersion string `json:"hw_ver"`
	Serial          string `json:"sn"`
}

// VersionSummary is the documented form, which one client reads alone.
type VersionSummary struct {
	CurrentVersion  string `json:"current_version"`
	LatestVersion   string `json:"latest_version"`
	UpdateAvailable bool   `json:"update_available"`
	ReleaseNotes    string `json:"release_notes"`
}

// TTCodeRequest is POST …/user/ttcode.
type TTCodeRequest struct {
	DeviceID  string   `json:"dev_id"`
	Version   string   `json:"dev_version,omitempty"`
	Protocols []string `json:"protocols,omitempty"`
}

// TTCode would open the vendor's peer-to-peer camera stream. That is a closed
// service; every field is empty here, which clients show as no camera.
type TTCode struct {
	Envelope
	TTCode      string   `json:"ttcode"`
	AuthKey     string   `json:"authkey"`
	Password    string   `json:"passwd"`
	Region      string   `json:"region"`
	Type        string   `json:"type"`
	Streams     []string `json:"streams"`
	Peers       []string `json:"peers"`
	RTM         *string  `json:"rtm"`
	StreamKey   string   `json:"stream_key"`
	StreamSalt  string   `json:"stream_salt"`
	ChannelName string   `json:"channel_name"`
	AppID       string   `json:"app_id"`
}
