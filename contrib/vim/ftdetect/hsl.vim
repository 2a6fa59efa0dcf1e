" Scripts of the mail gateway Penstock, see hsl(7).
autocmd BufRead,BufNewFile *.hsl setfiletype hsl
