# cmake -DOUT=<file.cpp> -DROOT=<catalogue> -DFILES=<a|b|c> -P embed.cmake
# Writes the files of the catalogue as a C++ file that defines shipped_files(), in the given order.
string(REPLACE "|" ";" FILES "${FILES}")
set(body "// Generated from config/catalogue by config/embed.cmake.\n#include \"config/catalogue.hpp\"\n\n")
string(APPEND body "namespace sluice::config {\n\nstd::vector<ShippedFile> const& shipped_files() {\n")
string(APPEND body "    static std::vector<ShippedFile> const files{\n")
foreach(file IN LISTS FILES)
    get_filename_component(name "${file}" NAME)
    file(READ "${ROOT}/${file}" text)
    string(APPEND body "        {\"${name}\", R\"shipped(${text})shipped\"},\n")
endforeach()
string(APPEND body "    };\n    return files;\n}\n\n}  // namespace sluice::config\n")
file(WRITE "${OUT}" "${body}")
