package grove

import "time"

// Spool is one roll of filament that a person keeps count of.
type Spool struct {
	ID         int64    `json:"id"` // positive and below 2³¹
	OwnerID    int64    `json:"owner_id"`
	RFID       string   `json:"rfid"` // of the vendor's own rolls; empty: none. At most one roll of a person has it
	CreateType string   `json:"create_type"`
	Vendor     string   `json:"vendor"`
	Type       string   `json:"type"`
	Name       string   `json:"name"`
	FilamentID string   `json:"filament_id"`
	TrayIDName string   `json:"tray_id_name"`
	Category   string   `json:"category"`
	Color      string   `json:"color"`      // #RRGGBB
	ColorType  int      `json:"color_type"` // 0 one, 1 several, 2 a gradient
	Colors     []string `json:"colors"`
	NetGrams   float64  `json:"net_grams"`   // what is left
	TotalGrams float64  `json:"total_grams"` // what was on it when new
	Note       string   `json:"note"`
	Status     int      `json:"status"` // 0 in use, 1 used up
	Support    bool     `json:"support"`
	Place      Place    `json:"place"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Place is a slot of a printer's filament unit. The zero Place is none: the spool
// lies on a shelf.
type Place struct {
	Serial     string `json:"device_id"`
	UnitSerial string `json:"unit_serial"`
	Unit       int    `json:"unit"`
	Slot       int    `json:"slot"`
}

// Is reports whether both are the same slot of the same printer. The unit's serial
// does not tell: not everybody says it.
func (p Place) Is(q Place) bool { return p.Serial == q.Serial && p.Unit == q.Unit && p.Slot == q.Slot }

// SpoolChange is what becomes of a person's spools: those to save, new ones with
// no ID yet, and those to remove.
type SpoolChange struct {
	Save   []Spool
	Remove []int64
}
