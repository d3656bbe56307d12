package cloud

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountUpload(rt *rest.Router) {
	const at = iotService + "/user/upload"
	create := post(at, tagFile, "Get a signed link to upload a file to")
	create.About = "PUT the file to `upload_url`; that finishes the upload, and `confirm` repeats its outcome. The name's extension says the kind: .3mf .gcode .stl .step. " +
		"A form with the file itself is stored at once, and there is nothing left to PUT."
	create.Form = &rest.Form{File: "file", Texts: []string{"filename", "project_id"}, Take: f.uploadForm}
	rest.Handle(rt, create, f.upload)
	asked := get(at, tagFile, "Get a signed link, the form that clients were seen to use")
	asked.About = "`urls` has one entry for each query parameter, its name as `type` and its value as `file`. Any of them leads to the same upload. " +
		"What is sent to a link for `event_track/…`, records of the slicer's use, is thrown away."
	rest.Handle(rt, asked, f.uploadAsked)
	rest.Handle(rt, post(at+"/confirm", tagFile, "What became of an upload"), f.confirm)
	rest.Handle(rt, get(iotService+"/user/files", tagFile, "My files, newest first"), f.files)
}

type uploadInput struct {
	Body *cloudapi.UploadRequest
}

// uploadOut is a link to send the file to, or the file when it came along.
type uploadOut = rest.Either[cloudapi.Upload, cloudapi.Stored]

func (f *face) upload(ctx context.Context, in *uploadInput) (uploadOut, error) {
	b := cloudapi.UploadRequest{}
	if in.Body != nil {
		b = *in.Body
	}
	wish := library.Wish{Name: b.FileName, Size: int64(b.Size), MD5: b.MD5, SHA256: b.SHA256, PrintOf: int64(b.ProfileID)}
	up, err := f.newUpload(ctx, wish, []rest.Pair{{Name: "filename", Value: b.FileName}})
	return uploadOut{One: &up}, err
}

// uploadForm stores the file of a form. Each file is a project of its own here, so
// that the project it is meant for says nothing.
func (f *face) uploadForm(ctx context.Context, sent rest.Sent) (any, error) {
	if err := rest.CountUpload(ctx); err != nil {
		return nil, err
	}
	wish := library.Wish{Name: firstText(sent.Texts["filename"], sent.Name)}
	file, err := f.Library.Store(ctx, rest.Actor(ctx), wish, sent.File)
	if err != nil {
		return nil, err
	}
	item := f.itemOf(&file)
	return uploadOut{Other: &cloudapi.Stored{
		Envelope: cloudapi.Success(), FileItem: item, FileSize: file.SizeBytes,
		Data: cloudapi.StoredData{FileItem: item, FileSize: file.SizeBytes},
	}}, nil
}

type uploadAsked struct {
	rest.Asked
	FileName string `query:"filename" doc:"The file's name."`
	Size     int64  `query:"size" minimum:"0" doc:"The file's size in bytes; checked when given."`
	MD5      string `query:"md5" doc:"The file's MD5 in hex; checked when given."`
	Models   string `query:"models" doc:"The slicer's name for the printable file of a project's plate: model, profile and plate with underscores between."`
	Profile  int64  `query:"profile_id" minimum:"0" doc:"Of the project whose plate the file prints."`
}

func (f *face) uploadAsked(ctx context.Context, in *uploadAsked) (cloudapi.Upload, error) {
	if link, ok := f.tracked(in.Pairs); ok {
		return link, nil
	}
	name := firstText(in.FileName, in.Models)
	if name == "" && len(in.Pairs) > 0 {
		name = in.Pairs[0].Value
	}
	if err := rest.Need("filename", name); err != nil {
		return cloudapi.Upload{}, err
	}
	wish := library.Wish{Name: name, Size: in.Size, MD5: in.MD5, PrintOf: in.Profile}
	if m := ofModel.FindStringSubmatch(in.Models); m != nil {
		wish.PrintOf, wish.Plate = taskNumber(m[1]), int(taskNumber(m[2]))
	}
	return f.newUpload(ctx, wish, in.Pairs)
}

// tracked answers the slicer that wants to send records of its use: it goes on only
// with a link (open-bamboo-networking). What it sends there is not kept.
func (f *face) tracked(asked []rest.Pair) (cloudapi.Upload, bool) {
	if len(asked) == 0 || !strings.HasPrefix(asked[0].Name, "event_track/") {
		return cloudapi.Upload{}, false
	}
	link, life := f.Library.SinkURL()
	out := cloudapi.Upload{Envelope: cloudapi.Success(), Host: "user", UploadURL: link, ExpiresIn: seconds(life), Data: cloudapi.UploadData{UploadURL: link}}
	for _, p := range asked {
		out.URLs = append(out.URLs, cloudapi.UploadURL{Type: p.Name, File: p.Value, URL: link})
	}
	return out, true
}

// ofModel is the slicer's name for a printable file: model, profile, plate.
var ofModel = regexp.MustCompile(`^[A-Za-z0-9]+_(\d{1,10})_(\d{1,3})\.3mf$`)

// newUpload makes an upload and answers each name that was asked.
func (f *face) newUpload(ctx context.Context, wish library.Wish, asked []rest.Pair) (cloudapi.Upload, error) {
	if err := rest.CountUpload(ctx); err != nil {
		return cloudapi.Upload{}, err
	}
	up, err := f.Library.NewUpload(ctx, rest.Actor(ctx), wish)
	if err != nil {
		return cloudapi.Upload{}, err
	}
	out := cloudapi.Upload{
		Envelope: cloudapi.Success(), Host: "user", FileID: up.File.ID, UploadURL: up.URL, UploadTicket: up.File.Ticket,
		ExpiresIn: seconds(up.ExpiresIn), URLs: []cloudapi.UploadURL{},
		Data: cloudapi.UploadData{FileID: up.File.ID, UploadURL: up.URL, UploadTicket: up.File.Ticket},
	}
	for _, p := range asked {
		out.URLs = append(out.URLs, cloudapi.UploadURL{Type: p.Name, File: p.Value, URL: up.URL})
	}
	return out, nil
}

type confirmInput struct {
	Body cloudapi.ConfirmRequest
}

func (f *face) confirm(ctx context.Context, in *confirmInput) (cloudapi.Confirmed, error) {
	if err := rest.Need("file_id", in.Body.FileID); err != nil {
		return cloudapi.Confirmed{}, err
	}
	file, err := f.Library.Confirm(ctx, rest.Actor(ctx), in.Body.FileID)
	if err != nil {
		return cloudapi.Confirmed{}, err
	}
	item := f.itemOf(&file)
	return cloudapi.Confirmed{Envelope: cloudapi.Said("Success"), FileItem: item, Data: item}, nil
}

func (f *face) files(ctx context.Context, in *struct {
	rest.VendorPaging
	Name string `query:"name" doc:"Only files of this name."`
},
) (cloudapi.Files, error) {
	page := in.Want()
	list, err := f.Library.Files(ctx, rest.Actor(ctx), library.Query{Name: in.Name}, page)
	out := cloudapi.Files{
		Envelope: cloudapi.Success(), Files: []cloudapi.FileItem{}, Total: list.Total,
		Pagination: cloudapi.Pages(list.Total, list.More, page),
	}
	for i := range list.Items {
		out.Files = append(out.Files, f.itemOf(&list.Items[i]))
	}
	return out, err
}

// linkLife is how long a link to a file's content in an answer works.
const linkLife = 15 * time.Minute

// contentURL is a link to the content; empty before there is any.
func (f *face) contentURL(file *grove.File) string {
	if file.State != grove.Stored {
		return ""
	}
	return f.Library.ContentURL(*file, linkLife)
}

func (f *face) itemOf(file *grove.File) cloudapi.FileItem {
	link := f.contentURL(file)
	return cloudapi.FileItem{
		FileID: file.ID, Name: file.Name, FileName: file.Name, Title: file.Name, FileURL: link, URL: link, Size: file.SizeBytes,
		MD5: file.MD5, SHA256: file.SHA256, ModelID: file.ModelID, ProjectID: decimal(file.ProjectID), ProfileID: decimal(file.ProfileID),
		Printable: file.Printable, Problem: file.Problem, CreatedAt: cloudapi.FormatTime(file.CreatedAt),
	}
}

// contextOf is what is in a sliced file, as the slicer shows it.
func (f *face) contextOf(file *grove.File) cloudapi.Context {
	none := []cloudapi.NamedURL{}
	c := cloudapi.Context{
		Compatibility: compatibility(file), Pictures: none, Configs: none, Plates: []cloudapi.ContextPlate{},
		Materials: []cloudapi.ContextMaterial{}, AuxiliaryPictures: none, AuxiliaryBOM: none, AuxiliaryGuide: none, AuxiliaryOther: none,
	}
	seen := map[int]bool{}
	for i := range file.Plates {
		p := &file.Plates[i]
		c.Plates = append(c.Plates, f.plateOf(file, p))
		for _, fil := range p.Filaments {
			if !seen[fil.ID] {
				seen[fil.ID] = true
				c.Materials = append(c.Materials, cloudapi.ContextMaterial{Color: fil.Color, Material: fil.Type, FilamentID: fil.Preset})
			}
		}
	}
	return c
}

func (f *face) plateOf(file *grove.File, p *grove.Plate) cloudapi.ContextPlate {
	name := "plate_" + strconv.Itoa(p.Index)
	out := cloudapi.ContextPlate{
		Index: p.Index, Name: p.Name, Prediction: p.EstimateSeconds, Weight: p.WeightGrams,
		Thumbnail: cloudapi.NamedURL{Name: name + ".png", Dir: "Metadata", URL: f.cover(file, p.Index)},
		Gcode:     cloudapi.NamedURL{Name: name + ".gcode", Dir: "Metadata"},
		Filaments: []cloudapi.ContextFilament{}, Objects: []json.RawMessage{}, Warning: []string{},
	}
	for _, fil := range p.Filaments {
		out.Filaments = append(out.Filaments, cloudapi.ContextFilament{
			ID: strconv.Itoa(fil.ID), Type: fil.Type, Color: fil.Color, FilamentID: fil.Preset,
			UsedMeters: amount(fil.Meters), UsedGrams: amount(fil.Grams),
		})
	}
	return out
}

// amount is a quantity as text, to a hundredth.
func amount(v float64) string {
	text := strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0")
	return strings.TrimSuffix(text, ".")
}
