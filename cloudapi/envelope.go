package cloudapi

import "github.com/grovecloud/grove"

// Envelope is what every iot-service answer begins with. Message is the lower-case
// word "success" because the slicer compares it; Error is null on success.
type Envelope struct {
	Message string  `json:"message"`
	Code    int     `json:"code"`
	Error   *string `json:"error"`
}

// Success is the envelope of an answer that went well.
func Success() Envelope { return Envelope{Message: "success"} }

// Said is a good envelope with other words, for answers that are documented with
// a sentence of their own.
func Said(message string) Envelope { return Envelope{Message: message} }

// Data is the documented form of an answer, {code, message, data, pagination}, and
// the only one on Grove's own paths. Pagination is there on lists.
type Data[T any] struct {
	Code       int               `json:"code"`
	Message    string            `json:"message"`
	Data       T                 `json:"data"`
	Pagination *grove.Pagination `json:"pagination,omitempty"`
}

// Nothing is the data of an answer that has none: null.
type Nothing struct{}

// Of wraps an answer of Grove's own API.
func Of[T any](data T) Data[T] { return Data[T]{Message: "Success", Data: data} }

// ListOf wraps a page of a list together with where it lies in the whole.
func ListOf[T any](list grove.List[T], page grove.Page) Data[[]T] {
	d := Of(Items(list.Items))
	d.Pagination = Pages(list.Total, list.More, page)
	return d
}

// Items is items, never nil, so that an empty list is [] and not null.
func Items[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// Pages says where an answer lies in a list. A page asked for by offset counts as
// the page that holds the offset.
func Pages(total int, more bool, page grove.Page) *grove.Pagination {
	p := grove.Pagination{Page: max(page.Page, 1), Limit: page.Limit, Total: total, HasMore: more}
	if page.Limit == 0 {
		p.Limit = max(total, grove.DefaultLimit)
	} else if page.Offset > 0 {
		p.Page = page.Offset/page.Limit + 1
	}
	return &p
}
