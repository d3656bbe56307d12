package grove

// Page is a wish for part of a list, newest first. After (an id) wins over
// Offset, Offset over Page.
type Page struct {
	Page   int    // from 1
	Limit  int    // 1 to 100, 20 when not asked; 0 means all, for callers inside the server only
	Offset int    // from 0
	After  string // the last id already seen
}

// DefaultLimit is how many entries a page has when nobody says.
const DefaultLimit = 20

// MaxLimit is the most that a page has.
const MaxLimit = 100

// Skip is how many entries the page leaves out at the front.
func (p Page) Skip() int {
	if p.Offset > 0 || p.Page <= 1 {
		return p.Offset
	}
	return (p.Page - 1) * p.Limit
}

// Pagination says where in a list an answer lies.
type Pagination struct {
	Page    int  `json:"page"`
	Limit   int  `json:"limit"`
	Total   int  `json:"total"`
	HasMore bool `json:"has_more"`
}

// List is one page of a list together with the size of the whole.
type List[T any] struct {
	Items []T
	Total int
	More  bool
}
