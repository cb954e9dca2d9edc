"""The review desk: pages in the browser of the reviewer's own machine, where testimonies are read and worked on."""
