package library

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

// maxPrints is how many plates' files one project may name.
const maxPrints = 64

// attach makes an awaited file the print of a project's plate. A profile that is
// not one of the actor's is nothing to attach to.
func (l *Library) attach(ctx context.Context, actor grove.Actor, w Wish, fileID string) error {
	if w.PrintOf == 0 {
		return nil
	}
	project, err := l.FileByProfile(ctx, actor, w.PrintOf)
	if errors.Is(err, grove.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.tellPrints(ctx, actor, project.ID, []grove.PrintSource{{Plate: w.Plate, FileID: fileID}})
}

// TellPrints keeps where a client says the printable files of a project's plates
// lie. The last word on a plate wins. A digest that is not the one of the file that
// was uploaded here for it is refused.
func (l *Library) TellPrints(ctx context.Context, actor grove.Actor, projectFileID string, told []grove.PrintSource) error {
	if _, err := l.File(ctx, actor, projectFileID); err != nil {
		return err
	}
	for i := range told {
		s := &told[i]
		if len(s.URL) > 2048 || len(s.MD5) > 64 || s.Plate < 0 {
			return grove.Errorf(grove.Invalid, "bad_print", "entry %d of profile_print_3mf has a plate below 0, or a url or md5 that is too long", i+1)
		}
		f, err := l.File(ctx, actor, s.FileID)
		if s.FileID == "" || err != nil { // not a link of this account's
			s.FileID, s.Elsewhere = "", s.URL != ""
			continue
		}
		if f.State == grove.Stored && !sameDigest(s.MD5, f) {
			e := grove.Errorf(grove.Invalid, "print_md5_differs",
				"entry %d of profile_print_3mf says md5 %s, and the file that was uploaded there has %s; upload the right file, or tell its own md5", i+1, s.MD5, f.MD5)
			e.Fields = map[string]string{fmt.Sprintf("profile_print_3mf[%d].md5", i): "is not the uploaded file's"}
			return e
		}
	}
	return l.tellPrints(ctx, actor, projectFileID, told)
}

// sameDigest reports whether what was said of a file's MD5 is so, or nothing was.
func sameDigest(said string, f grove.File) bool {
	return said == "" || strings.EqualFold(said, f.MD5)
}

func (l *Library) tellPrints(ctx context.Context, actor grove.Actor, projectFileID string, told []grove.PrintSource) error {
	_, err := l.Records.UpdateFile(ctx, projectFileID, func(f *grove.File) error {
		for _, s := range told {
			f.Prints = say(f.Prints, s)
		}
		if len(f.Prints) > maxPrints {
			return grove.Errorf(grove.Invalid, "too_many_prints", "a project may name the files of %d plates; make another project for more", maxPrints)
		}
		return nil
	}, actor.Did("project.change", projectFileID))
	if err != nil {
		return fmt.Errorf("keep where a project's prints lie: %w", err)
	}
	return nil
}

// say adds the last word on a plate to what was said. A file that was uploaded here
// is remembered: it may be the very one that lies elsewhere, too. An upload for any
// plate takes back where the others were said to lie.
func say(prints []grove.PrintSource, s grove.PrintSource) []grove.PrintSource {
	if s.Plate == 0 && s.FileID != "" {
		prints = slices.DeleteFunc(prints, func(have grove.PrintSource) bool { return have.Elsewhere })
	}
	i := slices.IndexFunc(prints, func(have grove.PrintSource) bool { return have.Plate == s.Plate })
	if i < 0 {
		return append(prints, s)
	}
	if s.FileID == "" {
		s.FileID = prints[i].FileID
	}
	prints[i] = s
	return prints
}

// PrintOf is the file that was uploaded to print a plate of a project; plate 0 is
// the first. ok is false when nothing was said of it: then the project's own file
// may be what is to be printed. A plate whose file is not here is refused, since
// anything else would be another print than the one that was asked for.
func (l *Library) PrintOf(ctx context.Context, project grove.File, plate int) (sliced grove.File, ok bool, err error) {
	for _, want := range []int{max(plate, 1), 0} {
		for _, s := range project.Prints {
			if s.Plate != want {
				continue
			}
			f, here, err := l.here(ctx, project, s)
			if err == nil && !here {
				err = notHere(want, s)
			}
			return f, here, err
		}
	}
	return grove.File{}, false, nil
}

// here finds the file of a plate, as it was last spoken of.
func (l *Library) here(ctx context.Context, project grove.File, s grove.PrintSource) (grove.File, bool, error) {
	if s.Elsewhere && s.MD5 != "" && sameDigest(s.MD5, project) {
		return project, true, nil
	}
	if s.FileID == "" || s.Elsewhere && s.MD5 == "" {
		return grove.File{}, false, nil
	}
	f, err := l.Records.File(ctx, s.FileID)
	if errors.Is(err, grove.NotFound) { // deleted
		return grove.File{}, false, nil
	}
	if err != nil {
		return grove.File{}, false, fmt.Errorf("find print: %w", err)
	}
	if f.State != grove.Stored || f.OwnerID != project.OwnerID || !sameDigest(s.MD5, f) {
		return grove.File{}, false, nil
	}
	return f, true, nil
}

func notHere(plate int, s grove.PrintSource) error {
	why := "its upload was never finished, or was deleted"
	if s.Elsewhere {
		why = "it was last said to lie at " + s.URL
	} else if s.MD5 != "" {
		why += ", or has another md5 than " + s.MD5
	}
	return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed,
		"the file that prints plate %d is not on this server: %s; upload it, tell its upload_url with PATCH, and send the task again", plate, why)
}

// PrintsOf are all files that were uploaded to print a project's plates, by plate.
func (l *Library) PrintsOf(ctx context.Context, project grove.File) ([]grove.File, error) {
	sources := slices.Clone(project.Prints)
	slices.SortFunc(sources, func(a, b grove.PrintSource) int { return a.Plate - b.Plate })
	var prints []grove.File
	for _, s := range sources {
		f, ok, err := l.here(ctx, project, s)
		if err != nil {
			return nil, err
		}
		if ok && !slices.ContainsFunc(prints, func(have grove.File) bool { return have.ID == f.ID }) {
			prints = append(prints, f)
		}
	}
	return prints, nil
}
