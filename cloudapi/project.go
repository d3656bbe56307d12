package cloudapi

import (
	"encoding/json"

	"github.com/grovecloud/grove"
)

// Projects is GET …/user/project. Every finished upload is a project of its own,
// because one client looks for files nowhere else.
type Projects struct {
	Envelope
	Projects   []Project         `json:"projects"`
	Total      int               `json:"total"`
	Data       ProjectsData      `json:"data"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// Project is a project. Its ids are decimal strings, its times UTC without zone.
type Project struct {
	ProjectID  string     `json:"project_id"`
	UserID     string     `json:"user_id"`
	ModelID    string     `json:"model_id"`
	Status     string     `json:"status"` // ACTIVE
	Name       string     `json:"name"`
	Content    string     `json:"content"` // JSON inside a string
	CreateTime string     `json:"create_time"`
	UpdateTime string     `json:"update_time"`
	Files      []FileItem `json:"files"`
}

// ProjectsData is the list as documented.
type ProjectsData struct {
	Projects []ProjectItem `json:"projects"`
	Total    int           `json:"total"`
	Page     int           `json:"page"`
}

// ProjectItem is a project as documented.
type ProjectItem struct {
	ProjectID string `json:"project_id"`
	Name      string `json:"name"`
	CreatedAt string `json:"created_at"`
	FileCount int    `json:"file_count"`
}

// ProjectRequest is POST …/user/project.
type ProjectRequest struct {
	Name string `json:"name"`
}

// ProjectCreated is the answer to POST …/user/project: where to PUT its file. The
// slicer gives up when project_id or upload_url is empty.
type ProjectCreated struct {
	Envelope
	ProjectID    string `json:"project_id"`
	ModelID      string `json:"model_id"`
	ProfileID    string `json:"profile_id"`
	UploadURL    string `json:"upload_url"`
	UploadTicket string `json:"upload_ticket"`
}

// ProjectDetail is GET …/user/project/{id}.
type ProjectDetail struct {
	Envelope
	ProjectID    string         `json:"project_id"`
	UserID       string         `json:"user_id"`
	ModelID      string         `json:"model_id"`
	Status       string         `json:"status"`
	Name         string         `json:"name"`
	Content      string         `json:"content"`
	CreateTime   string         `json:"create_time"`
	UpdateTime   string         `json:"update_time"`
	Profiles     []PrintProfile `json:"profiles"`
	DownloadURL  string         `json:"download_url"`
	DownloadMD5  string         `json:"download_md5"`
	KeystoreXML  *string        `json:"keystore_xml"`
	UploadURL    string         `json:"upload_url"`
	UploadTicket string         `json:"upload_ticket"`
	Print3MF     []PlatePrint   `json:"profile_print_3mf"` // an extension: as it was last told
}

// PrintProfile is the sliced form of a project: what was uploaded to be printed, or
// the project's own file where that is all there is.
type PrintProfile struct {
	ProfileID  string  `json:"profile_id"`
	ModelID    string  `json:"model_id"`
	Status     string  `json:"status"`
	Name       string  `json:"name"`
	Content    string  `json:"content"`
	CreateTime string  `json:"create_time"`
	UpdateTime string  `json:"update_time"`
	URL        string  `json:"url"`
	MD5        string  `json:"md5"`
	Context    Context `json:"context"`
}

// ProfileDetail is GET …/user/profile/{id}: a sliced form with where to fetch it.
type ProfileDetail struct {
	Envelope
	PrintProfile
	FileName    string  `json:"filename"`
	KeystoreXML *string `json:"keystore_xml"`
}

// ModelProfile is GET /v1/user-service/my/model/profile. No capture shows it; the
// keys are those of a task.
type ModelProfile struct {
	ProfileID int64  `json:"profileId"`
	ModelID   string `json:"modelId"`
	Title     string `json:"title"`
	Cover     string `json:"cover"` // fetched without a credential; empty: none
}

// PlatePrint is where a client says the printable file of a plate lies: here, or on
// the printer itself by an ftp:// URL.
type PlatePrint struct {
	Comments string `json:"comments,omitempty"`
	MD5      string `json:"md5"` // upper-case hex
	Plate    Int    `json:"plate_idx"`
	URL      string `json:"url"`
}

// ProjectPatch is PATCH …/user/project/{id}: where a client says the printable
// files lie. What was uploaded here is what is printed.
type ProjectPatch struct {
	ProfileID string       `json:"profile_id,omitempty"`
	Name      string       `json:"name,omitempty"`
	Status    string       `json:"status,omitempty"`
	Print3MF  []PlatePrint `json:"profile_print_3mf,omitempty"`
}

// Context is what is in a sliced file.
type Context struct {
	Compatibility     Compatibility     `json:"compatibility"`
	Pictures          []NamedURL        `json:"pictures"`
	Configs           []NamedURL        `json:"configs"`
	Plates            []ContextPlate    `json:"plates"`
	Materials         []ContextMaterial `json:"materials"`
	AuxiliaryPictures []NamedURL        `json:"auxiliary_pictures"`
	AuxiliaryBOM      []NamedURL        `json:"auxiliary_bom"`
	AuxiliaryGuide    []NamedURL        `json:"auxiliary_guide"`
	AuxiliaryOther    []NamedURL        `json:"auxiliary_other"`
}

// Compatibility is the printer a file was sliced for.
type Compatibility struct {
	ModelName      string  `json:"dev_model_name"`
	ProductName    string  `json:"dev_product_name"`
	NozzleDiameter float64 `json:"nozzle_diameter"`
}

// NamedURL is a file beside the print.
type NamedURL struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	URL  string `json:"url"`
}

// ContextPlate is one plate. The thumbnail is fetched without a credential.
type ContextPlate struct {
	Index      int               `json:"index"` // from 1
	Name       string            `json:"name"`
	Thumbnail  NamedURL          `json:"thumbnail"`
	Prediction int               `json:"prediction"` // seconds
	Weight     float64           `json:"weight"`     // grams
	Gcode      NamedURL          `json:"gcode"`
	Filaments  []ContextFilament `json:"filaments"`
	Objects    []json.RawMessage `json:"objects"`
	Warning    []string          `json:"warning"`
}

// ContextFilament is one material of a plate; its numbers are strings, as observed.
type ContextFilament struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	Color      string `json:"color"`
	FilamentID string `json:"filament_id"`
	UsedMeters string `json:"used_m"`
	UsedGrams  string `json:"used_g"`
}

// ContextMaterial is one material of the whole file.
type ContextMaterial struct {
	Color      string `json:"color"`
	Material   string `json:"material"`
	FilamentID string `json:"filament_id,omitempty"`
}

// Resources is GET …/slicer/resource: no update for anything.
type Resources struct {
	Envelope
	Software  *Resource  `json:"software"`
	Guide     *Resource  `json:"guide"`
	Resources []Resource `json:"resources"`
}

// Resource is something the slicer could fetch.
type Resource struct {
	Type        string `json:"type"`
	Version     string `json:"version"`
	Description string `json:"description"`
	URL         string `json:"url"`
	ForceUpdate bool   `json:"force_update"`
}
