package cloudapi

import "github.com/grovecloud/grove"

// UploadRequest is POST …/user/upload. Nothing is required by the vendor's
// documents; the name decides the file's kind, the rest is checked when given.
type UploadRequest struct {
	FileName  string `json:"filename,omitempty"`
	Size      Int    `json:"size,omitempty"`   // bytes
	MD5       string `json:"md5,omitempty"`    // hex, either case
	SHA256    string `json:"sha256,omitempty"` // hex; an extension
	ProjectID string `json:"project_id,omitempty"`
	ProfileID Int    `json:"profile_id,omitempty"` // of the project that the file is the print of
}

// Upload is the answer to GET and POST …/user/upload: where to PUT the file.
type Upload struct {
	Envelope
	Host         string      `json:"host"`
	FileID       string      `json:"file_id"`
	UploadURL    string      `json:"upload_url"`
	UploadTicket string      `json:"upload_ticket"`
	ExpiresIn    int64       `json:"expires_in"` // seconds
	URLs         []UploadURL `json:"urls"`
	Data         UploadData  `json:"data"`
}

// UploadURL answers one query parameter of GET …/user/upload: its name, its value
// and where to PUT.
type UploadURL struct {
	Type string `json:"type"`
	File string `json:"file"`
	URL  string `json:"url"`
}

// UploadData is the upload as documented.
type UploadData struct {
	FileID       string `json:"file_id"`
	UploadURL    string `json:"upload_url"`
	UploadTicket string `json:"upload_ticket"`
}

// Stored is the answer to POST …/user/upload when the file came with it, as a form.
type Stored struct {
	Envelope
	FileItem
	FileSize int64      `json:"file_size"` // bytes
	Data     StoredData `json:"data"`
}

// StoredData is the file as documented for a form.
type StoredData struct {
	FileItem
	FileSize int64 `json:"file_size"` // bytes
}

// ConfirmRequest is POST …/user/upload/confirm.
type ConfirmRequest struct {
	FileID string `json:"file_id"`
}

// Confirmed is a finished upload. Confirming again answers the same.
type Confirmed struct {
	Envelope
	FileItem
	Data FileItem `json:"data"`
}

// Files is GET …/user/files.
type Files struct {
	Envelope
	Files      []FileItem        `json:"files"`
	Total      int               `json:"total"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// FileItem is a file under each name that clients look for.
type FileItem struct {
	FileID    string `json:"file_id"`
	Name      string `json:"name"`
	FileName  string `json:"file_name"`
	Title     string `json:"title"`
	FileURL   string `json:"file_url"`
	URL       string `json:"url"`
	Size      int64  `json:"size"` // bytes
	MD5       string `json:"md5"`  // upper-case hex
	SHA256    string `json:"sha256"`
	ModelID   string `json:"model_id"`
	ProjectID string `json:"project_id"`
	ProfileID string `json:"profile_id"`
	Printable bool   `json:"printable"`
	Problem   string `json:"problem,omitempty"` // why it cannot be read or printed
	CreatedAt string `json:"created_at"`
}
