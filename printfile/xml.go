package printfile

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// errEnough ends a walk early.
var errEnough = errors.New("enough read")

// walkXML hands the elements and texts of an XML part to visit in order. Document
// type declarations are refused whatever is in them (3MF forbids them), so there
// are no entities to expand.
func walkXML(r io.Reader, lim Limits, visit func(xml.Token) error) error {
	gauge := &tokenGauge{r: r}
	d := xml.NewDecoder(gauge)
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read XML: %w", err)
		}
		gauge.n = 0
		switch token.(type) {
		case xml.Directive:
			return flawf("The file's XML has a document type declaration, which 3MF forbids: export it again from the slicer.")
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > lim.XMLDepth {
			return flawf("The file's XML is nested more than %d elements deep: export it again from the slicer.", lim.XMLDepth)
		}
		if err := visit(token); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

// tokenGauge bounds what the decoder must hold for a single token.
type tokenGauge struct {
	r io.Reader
	n int // bytes since the last token
}

func (g *tokenGauge) Read(p []byte) (int, error) {
	if g.n > maxToken {
		return 0, flawf("The file's XML has a text of more than %d KiB, which no slicer writes: export it again from the slicer.", maxToken>>10)
	}
	n, err := g.r.Read(p)
	g.n += n
	return n, err
}

// attr is an attribute's value, or nothing.
func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
