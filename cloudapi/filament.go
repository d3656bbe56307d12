package cloudapi

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// FilamentConfig is GET /v1/design-user-service/filament/config: the filaments that
// a spool can be said to be of.
type FilamentConfig struct {
	Categories       []string          `json:"categories"`
	FilamentSettings []FilamentSetting `json:"filamentSettings"`
}

// FilamentSetting is one kind of filament.
type FilamentSetting struct {
	Vendor     string `json:"filamentVendor"`
	Type       string `json:"filamentType"`
	Name       string `json:"filamentName"`
	FilamentID string `json:"filamentId"`
	Support    bool   `json:"isSupport"`
}

// Filaments is GET /v1/design-user-service/my/filament/v2.
type Filaments struct {
	Total int            `json:"total"`
	Hits  []FilamentItem `json:"hits"`
}

// FilamentItem is one spool. SlotID is a number, or "" when the spool is in no
// printer, as observed. Weights are grams, times seconds since 1970.
type FilamentItem struct {
	ID             int64    `json:"id"`
	CreateType     any      `json:"createType"` // as it was sent, number or text
	Vendor         string   `json:"filamentVendor"`
	Type           string   `json:"filamentType"`
	Name           string   `json:"filamentName"`
	FilamentID     string   `json:"filamentId"`
	RFID           string   `json:"RFID"`
	Color          string   `json:"color"`     // #RRGGBB
	ColorType      int      `json:"colorType"` // 0, 1 or 2
	Colors         []string `json:"colors"`
	NetWeight      float64  `json:"netWeight"`
	TotalNetWeight float64  `json:"totalNetWeight"`
	Note           string   `json:"note"`
	CreatedAt      int64    `json:"createdAt"`
	UpdatedAt      int64    `json:"updatedAt"`
	Status         int      `json:"status"` // 0 in use, 1 used up
	Support        bool     `json:"isSupport"`
	TrayIDName     string   `json:"trayIdName"`
	Category       string   `json:"category"`
	AMSID          int      `json:"amsId"`
	SlotID         any      `json:"slotId"`
	DeviceID       string   `json:"devId"` // an extension; empty: in no printer
	InPrinter      bool     `json:"inPrinter"`
	Depleted       bool     `json:"depleted"`
}

// FilamentRequest is POST and PUT /v1/design-user-service/my/filament/v2. What is
// not there stays as it is.
type FilamentRequest struct {
	ID             Int       `json:"id,omitempty"`
	CreateType     *Scalar   `json:"createType,omitempty"`
	Vendor         *string   `json:"filamentVendor,omitempty"`
	Type           *string   `json:"filamentType,omitempty"`
	Name           *string   `json:"filamentName,omitempty"`
	FilamentID     *string   `json:"filamentId,omitempty"`
	RFID           *string   `json:"RFID,omitempty"`
	Color          *string   `json:"color,omitempty"`
	ColorType      *Int      `json:"colorType,omitempty"`
	Colors         *[]string `json:"colors,omitempty"`
	NetWeight      *float64  `json:"netWeight,omitempty"`
	TotalNetWeight *float64  `json:"totalNetWeight,omitempty"`
	Note           *string   `json:"note,omitempty"`
	Status         *Int      `json:"status,omitempty"`
	Support        *bool     `json:"isSupport,omitempty"`
	TrayIDName     *string   `json:"trayIdName,omitempty"`
	Category       *string   `json:"category,omitempty"`
}

// FilamentChanged is the answer to a PUT.
type FilamentChanged struct {
	FilamentV2 FilamentItem `json:"filamentV2"`
}

// FilamentBatch is DELETE /v1/design-user-service/my/filament/v2/batch.
type FilamentBatch struct {
	IDs   []Int    `json:"ids,omitempty"`
	RFIDs []string `json:"RFIDs,omitempty"`
}

// Done is an answer with nothing in it.
type Done struct{}

// AMSSync is POST …/my/filament/v2/ams/sync: what a printer's filament units hold.
type AMSSync struct {
	DeviceID string    `json:"devId"`
	Items    []AMSItem `json:"items"`
}

// AMSItem is one slot with what the printer reads of its spool.
type AMSItem struct {
	AMSSlot
	FilamentRequest
}

// AMSSlot names a slot of a filament unit.
type AMSSlot struct {
	AMSID     Int    `json:"amsId"`
	AMSSerial string `json:"amsSn"`
	SlotID    Int    `json:"slotId"`
}

// AMSSynced is the answer: the spool of each slot, 0 for none, and the RFIDs that
// were not known before; null when there were none, as observed.
type AMSSynced struct {
	CreatedRFIDs []string    `json:"createdRFIDs"`
	Results      []AMSResult `json:"results"`
}

// AMSResult is one slot and its spool.
type AMSResult struct {
	AMSSerial string `json:"amsSn"`
	SlotID    int    `json:"slotId"`
	SpoolID   int64  `json:"spoolId"`
}

// SlotSync is POST …/my/filament/v2/slot-mappings/sync: spools put into slots by hand.
type SlotSync struct {
	DeviceID string        `json:"devId"`
	Mappings []SlotMapping `json:"mappings"`
}

// SlotMapping puts a spool, by number or RFID, into a slot; neither empties it.
type SlotMapping struct {
	AMSSlot
	AMSType *Scalar `json:"amsType,omitempty"` // unheeded
	RFID    string  `json:"rfid,omitempty"`
	SpoolID Int     `json:"spoolId,omitempty"`
}

// SlotsSynced says of each slot whether it was done: code 0, or 2 for a spool that
// is not there.
type SlotsSynced struct {
	Results []SlotResult `json:"results"`
}

// CodeNotFound is the vendor's own code for what is not there.
const CodeNotFound = 2

// SlotResult is one slot and what became of it.
type SlotResult struct {
	AMSSerial string `json:"amsSn"`
	SlotID    int    `json:"slotId"`
	Code      int    `json:"code"`
}

// Scalar is a number or a text whose meaning is its sender's own affair; it is
// given back as it came.
type Scalar string

// UnmarshalJSON keeps the JSON of a number or a text; null is none.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return fmt.Errorf("read text or number: %w", err)
	}
	switch v.(type) {
	case nil:
		*s = ""
	case string, float64, bool:
		*s = Scalar(b)
	default:
		return &json.UnmarshalTypeError{Value: "a list or an object", Type: reflect.TypeFor[string]()}
	}
	return nil
}

// Value is what was sent; "" for nothing.
func (s Scalar) Value() any {
	var v any = ""
	if json.Unmarshal([]byte(s), &v) != nil {
		return ""
	}
	return v
}
